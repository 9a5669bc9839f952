# A thin door to CMakeLists.txt, so that `node-gyp rebuild` and `prebuildify` build the same addon as cmake-js.
{
  "targets": [
    {
      "target_name": "tensorwood",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt", "scripts/build.mjs"],
          "outputs": ["<(PRODUCT_DIR)/tensorwood.node"],
          "action": ["node", "scripts/build.mjs", "<(PRODUCT_DIR)"],
        }
      ],
    }
  ]
}

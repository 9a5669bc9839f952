// A package registry on the loopback: keeps what `npm publish` sends and gives it back as the public one does; for every other package it points there.
import { createServer } from 'node:http';

const elsewhere = 'https://registry.npmjs.org';

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

/** What a registry makes of a manifest: installers read from it, not from the tarball, whether there is a script to run. */
function listed(manifest, url) {
  const { preinstall, install, postinstall } = manifest.scripts ?? {};
  const tarball = `${url}/${manifest.name}/-/${manifest.name}-${manifest.version}.tgz`;
  const hasInstallScript = [preinstall, install, postinstall].some((script) => script !== undefined);
  return { ...manifest, ...(hasInstallScript ? { hasInstallScript } : {}), dist: { ...manifest.dist, tarball } };
}

/** Starts at a free port. `published` maps names to the documents that were sent. */
export async function startRegistry() {
  const published = new Map();
  const server = createServer(async (request, response) => {
    const [name, mark, file] = decodeURIComponent(request.url.split('?')[0]).slice(1).split('/');
    const url = `http://${request.headers.host}`;
    const known = published.get(name);
    if (request.method === 'PUT') {
      published.set(name, await bodyOf(request));
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"ok":true}');
    } else if (known === undefined) {
      response.writeHead(302, { location: elsewhere + request.url }).end();
    } else if (mark === '-') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.from(known._attachments[file].data, 'base64'));
    } else {
      const versions = Object.fromEntries(Object.entries(known.versions).map(([version, manifest]) => [version, listed(manifest, url)]));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...known, _attachments: undefined, versions }));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, published, close: () => server.close() };
}

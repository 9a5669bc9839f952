// Columns as wholes: joined, interpreted, doubted.
#include "data/csv_columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tensorwood::csv {
namespace {

constexpr int64_t kFew = 20;  // so many different texts are few, however many rows there are
constexpr int64_t kSameWords = 10;
constexpr int64_t kTurn = 4096;  // texts between two looks at whether all of it is still wanted

// Doubts at one column while it is looked through.
class ColumnReader {
 public:
  ColumnReader(const FileColumn& file, const std::vector<const Piece*>& pieces, const ColumnRules& rules)
      : file_(file), pieces_(pieces), rules_(rules) {}

  WholeColumn run() {
    whole_.column.name = file_.name;
    whole_.column.type = file_.type;
    if (file_.type == Type::category) {
      join();
      if (file_.guessed && !is_cancelled(0)) interpret();
    } else {
      describe_numbers();
    }
    return std::move(whole_);
  }

 private:
  bool is_cancelled(int64_t text) const { return text % kTurn == 0 && rules_.cancelled.load(std::memory_order_relaxed); }

  void describe_numbers() {
    bool dated = file_.times, plain = false;
    for (const Piece* piece : pieces_) {
      whole_.column.wide |= piece->wide;
      dated |= piece->dated;
      plain |= piece->plain;
    }
    whole_.column.times = dated && !plain;
    whole_.column.wide |= whole_.column.times;
    if (rules_.detected && file_.form.decimal == ',') {
      const bool commas = std::any_of(pieces_.begin(), pieces_.end(), [](const Piece* piece) { return piece->commas; });
      if (!commas) add_odd("points", &Words::grouped);
      if (commas && file_.guessed) doubt("decimal", 0, "");
    }
    if (std::any_of(pieces_.begin(), pieces_.end(), [](const Piece* piece) { return piece->zoned; })) add_odd("zones", &Words::unzoned);
    if (file_.guessed && !dated && !has_numbers()) doubt("empty", 0, "");
    add_odd("bad values", &Words::bad);
    add_odd("rounded", &Words::rounded);
  }

  // Whether a field has a value.
  bool has_numbers() const {
    const auto is_number = [](double value) { return !std::isnan(value); };
    return std::any_of(pieces_.begin(), pieces_.end(),
                       [&](const Piece* piece) { return std::any_of(piece->numbers.begin(), piece->numbers.end(), is_number); });
  }

  void add_odd(const char* kind, Odd Words::*member) {
    int64_t count = 0, block = -1;
    for (size_t b = 0; b < pieces_.size(); ++b) {
      const Odd& odd = pieces_[b]->words().*member;
      if (odd.count > 0 && block < 0) block = static_cast<int64_t>(b);
      count += odd.count;
    }
    if (count == 0) return;
    const Odd& first = pieces_[static_cast<size_t>(block)]->words().*member;
    whole_.doubts.push_back({{kind, file_.name, count, first.text, 0}, block, first.offset});
  }

  void doubt(const char* kind, int64_t count, std::string_view text) {
    whole_.doubts.push_back({{kind, file_.name, count, std::string(kept_of(text)), 0}});
  }

  // One dictionary, sorted by bytes.
  void join() {
    std::vector<int32_t> order;
    for (size_t b = 0; b < pieces_.size(); ++b) {
      const Dictionary& local = pieces_[b]->words().dictionary;
      std::vector<int32_t>& codes = whole_.recode.emplace_back(local.count());
      for (int64_t i = 0; i < local.count(); ++i) {
        if (is_cancelled(i)) return;
        codes[i] = all_.code(local.text(i), local.offset(i));
        if (codes[i] == static_cast<int32_t>(block_.size())) block_.push_back(static_cast<int32_t>(b));
      }
    }
    order.resize(all_.count());
    rank_.resize(all_.count());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return all_.text(a) < all_.text(b); });
    Strings& categories = whole_.column.categories;
    for (size_t i = 0; i < order.size(); ++i) {
      rank_[order[i]] = static_cast<int32_t>(i);
      categories.text.append(all_.text(order[i]));
      categories.offsets.push_back(categories.text.size());
    }
    for (auto& codes : whole_.recode)
      for (int32_t& code : codes) code = rank_[code];
  }

  // Numbers, where all texts are some; else what else they may have been meant to be.
  void interpret() {
    Tally tally;
    std::vector<Spelling> spellings(all_.count());
    for (int64_t i = 0; i < all_.count(); ++i) {
      if (is_cancelled(i)) return;
      const std::string_view text = trimmed(all_.text(i));
      spellings[i] = rules_.missing.has_dash(text) ? Spelling::other : read_spelling(text, file_.form).spelling;
      if (rules_.missing.has_dash(text) || rules_.missing.has(text))
        ++tally.dashes;
      else
        tally.add(spellings[i]);
    }
    const Verdict verdict = judge(tally, rules_.commas);
    const bool as_told = verdict == Verdict::number || verdict == Verdict::boolean || verdict == Verdict::time;
    if (tally.total > 0 && (as_told || (rules_.detected && verdict != Verdict::category))) return become_numbers(verdict);
    const bool texts = tally.total == tally.of(Spelling::other);
    if (!texts) doubt_texts(spellings, tally);
    if (texts && all_.count() > kFew) doubt_difference(present());
  }

  void become_numbers(Verdict verdict) {
    NumberForm form = file_.form;
    if (verdict == Verdict::decimal_comma) form.decimal = ',';
    if (verdict == Verdict::thousands_comma) form.thousands = ',';
    whole_.values.resize(all_.count());
    std::string_view example, point;
    for (int64_t i = 0; i < all_.count(); ++i) {
      if (is_cancelled(i)) return;
      const std::string_view text = trimmed(all_.text(i));
      double& value = whole_.values[rank_[i]];
      value = rules_.missing.has(text) || rules_.missing.has_dash(text) ? NAN : read_spelling(text, form).value;
      whole_.column.wide |= needs_double(text, value);
      if (example.empty() && text.find(',') != std::string_view::npos) example = text;
      if (point.empty() && value > 0 && text.find('.') != std::string_view::npos) point = text;
    }
    whole_.column.type = Type::number;
    whole_.column.times = verdict == Verdict::time;
    whole_.column.wide |= whole_.column.times;
    whole_.column.categories = {};
    whole_.commas = verdict == Verdict::decimal_comma && !example.empty();
    if (whole_.commas) doubt("decimal", 0, example);
    if (verdict == Verdict::decimal_comma && example.empty()) doubt("points", 0, point);
    if (verdict == Verdict::thousands_comma) doubt("thousands", 0, example);
  }

  // Rows of each code.
  std::vector<int64_t> count_rows() const {
    std::vector<int64_t> rows(all_.count());
    for (size_t b = 0; b < pieces_.size(); ++b)
      for (const int32_t code : pieces_[b]->words().codes)
        if (code >= 0) ++rows[whole_.recode[b][code]];
    return rows;
  }

  void doubt_texts(const std::vector<Spelling>& spellings, const Tally& different) {
    const std::vector<int64_t> rows_of = count_rows();
    Tally rows;
    for (int64_t i = 0; i < all_.count(); ++i) {
      const int64_t n = rows_of[rank_[i]];
      rows.counts[static_cast<size_t>(spellings[i])] += n;
      rows.total += n;
    }
    if (!doubt_form(spellings, rows) && !doubt_words(spellings, rows, different)) doubt_difference(rows.total);
  }

  int64_t present() const {
    int64_t rows = 0;
    for (const Piece* piece : pieces_) {
      const std::vector<int32_t>& codes = piece->words().codes;
      rows += std::count_if(codes.begin(), codes.end(), [](int32_t code) { return code >= 0; });
    }
    return rows;
  }

  void doubt_difference(int64_t rows) {
    if (all_.count() > kFew && 2 * all_.count() > rows) doubt("different", all_.count(), all_.text(0));
  }

  // The first text of one of these spellings, with where it stands.
  void doubt_first(const char* kind, int64_t count, const std::vector<Spelling>& spellings, const std::vector<bool>& is_of) {
    int64_t first = -1;
    const auto before = [&](int64_t a, int64_t b) {
      return block_[a] != block_[b] ? block_[a] < block_[b] : all_.offset(a) < all_.offset(b);
    };
    for (int64_t i = 0; i < all_.count(); ++i)
      if (is_of[static_cast<size_t>(spellings[i])] && (first < 0 || before(i, first))) first = i;
    if (first < 0) return;
    whole_.doubts.push_back({{kind, file_.name, count, std::string(kept_of(all_.text(first))), 0}, block_[first], all_.offset(first)});
  }

  // All fields are numbers or dates in a spelling that is not read unasked.
  bool doubt_form(const std::vector<Spelling>& spellings, const Tally& rows) {
    struct Form {
      const char* kind;
      std::vector<Spelling> shows;  // one of these at least
      std::vector<Spelling> beside;
    };
    using S = Spelling;
    const bool is_told = file_.form.order != 'y';
    const std::vector<Form> forms = {
        {is_told ? "other order" : "day and month", {S::day_month}, {}},
        {is_told ? "date order" : "day and month",
         {S::day_month},
         is_told ? std::vector<S>{S::time, S::date_like} : std::vector<S>{S::time}},
        {"unread dates", {S::date_like}, {S::day_month}},
        {"date like", {S::date_like}, {S::time}},
        {"unread dates", {S::date_like}, {S::day_month, S::time}},
        {"identifiers", {S::identifier}, {S::number, S::point, S::point_or_group}},
        {"comma or group", {S::comma_or_group}, {S::number}},
        {"decimal comma", {S::comma, S::group_and_comma}, {S::number, S::comma_or_group, S::point_or_group}},
        {"spaced", {S::spaced}, {S::number, S::point, S::comma}},
        {"percent", {S::percent}, {S::number, S::point, S::point_or_group}},
        {"currency", {S::currency}, {S::number, S::point, S::point_or_group, S::comma_or_group, S::group}},
        {"group", {S::group}, {S::number, S::point, S::point_or_group, S::comma_or_group}},
    };
    for (const Form& form : forms) {
      int64_t shown = 0, beside = 0;
      std::vector<bool> shows(kSpellings);
      for (const S s : form.shows) {
        shown += rows.of(s);
        shows[static_cast<size_t>(s)] = true;
      }
      for (const S s : form.beside) beside += rows.of(s);
      if (shown == 0 || shown + beside != rows.total) continue;
      doubt_first(form.kind, shown, spellings, shows);
      return true;
    }
    return false;
  }

  // Nearly all fields are numbers (or dates), and the few others are the same few words.
  bool doubt_words(const std::vector<Spelling>& spellings, const Tally& rows, const Tally& different) {
    using S = Spelling;
    const bool times = rows.of(S::time) * 10 >= rows.total * 9;
    std::vector<bool> odd(kSpellings, true);
    for (const S s : times ? std::vector<S>{S::time}
                           : std::vector<S>{S::number, S::point, S::point_or_group, S::identifier, S::comma, S::comma_or_group,
                                            S::group_and_comma, S::group, S::percent, S::currency, S::spaced})
      odd[static_cast<size_t>(s)] = false;
    int64_t count = 0, words = 0;
    for (size_t s = 0; s < kSpellings; ++s) {
      count += odd[s] ? rows.counts[s] : 0;
      words += odd[s] ? different.counts[s] : 0;
    }
    if (count == 0 || count * 10 > rows.total || words > kSameWords) return false;
    doubt_first(times ? "words among dates" : "words among numbers", count, spellings, odd);
    return true;
  }

  const FileColumn& file_;
  const std::vector<const Piece*>& pieces_;
  const ColumnRules& rules_;
  WholeColumn whole_;
  Dictionary all_;
  std::vector<int32_t> block_;  // of each text: where it stands first
  std::vector<int32_t> rank_;
};

}  // namespace

WholeColumn describe_column(const FileColumn& file, const std::vector<const Piece*>& pieces, const ColumnRules& rules) {
  return ColumnReader(file, pieces, rules).run();
}

}  // namespace tensorwood::csv

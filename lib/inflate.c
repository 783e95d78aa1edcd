/*
 * Inflate, RFC 1951. Input bits come from the low end of a 64-bit reservoir that is refilled eight
 * bytes at a time. A code is decoded by looking up the next 10 (distances: 8) bits in a table whose
 * entries say what the symbol means; longer codes, which are rare, are found by counting up the
 * canonical code bit by bit.
 */
#include <abi/errno.h>
#include <lib/inflate.h>
#include <lib/string.h>

#define CODE_LEN_MAX     15
#define LITERAL_SYMBOLS  288
#define DISTANCE_SYMBOLS 32
#define LENGTH_SYMBOLS   19 /* of the code that the code lengths are written in */
#define SYMBOL_END       256

/*
 * A meaning: bits 0-3 length of the code, 4-7 extra bits that follow it, 8-11 kind, 16-31 value.
 * 0: no such code.
 */
enum kind {
	KIND_LITERAL = 1, /* value: the byte, or any symbol that is just a number */
	KIND_COPY,        /* value: the base of a length or distance */
	KIND_END,
	KIND_LONG, /* the code is longer than the table's index */
};

struct stream {
	const uint8_t *in, *in_end;
	uint64_t bits; /* the reservoir */
	unsigned count;
	unsigned missing; /* zero bytes made up behind the end of the input */
	uint8_t *out, *out_start, *out_end;
};

static uint32_t make_meaning(enum kind kind, unsigned extra, unsigned value)
{
	return (uint32_t)kind << 8 | extra << 4 | value << 16;
}

static unsigned meaning_len(uint32_t meaning)
{
	return meaning & 15;
}

static unsigned meaning_extra(uint32_t meaning)
{
	return meaning >> 4 & 15;
}

static enum kind meaning_kind(uint32_t meaning)
{
	return (enum kind)(meaning >> 8 & 15);
}

static unsigned meaning_value(uint32_t meaning)
{
	return meaning >> 16;
}

/* Section 3.2.5: 29 lengths of matches from 3 to 258, 30 distances from 1 to 32768. */
static uint32_t literal_meaning(unsigned symbol)
{
	if (symbol < SYMBOL_END)
		return make_meaning(KIND_LITERAL, 0, symbol);
	if (symbol == SYMBOL_END)
		return make_meaning(KIND_END, 0, 0);
	unsigned n = symbol - 257;
	if (n < 8)
		return make_meaning(KIND_COPY, 0, n + 3);
	if (n < 28)
		return make_meaning(KIND_COPY, n / 4 - 1, ((4 + n % 4) << (n / 4 - 1)) + 3);
	return n == 28 ? make_meaning(KIND_COPY, 0, 258) : 0;
}

static uint32_t distance_meaning(unsigned symbol)
{
	if (symbol < 4)
		return make_meaning(KIND_COPY, 0, symbol + 1);
	if (symbol < 30)
		return make_meaning(
		    KIND_COPY, symbol / 2 - 1, ((2 + symbol % 2) << (symbol / 2 - 1)) + 1);
	return 0;
}

static uint32_t number_meaning(unsigned symbol)
{
	return make_meaning(KIND_LITERAL, 0, symbol);
}

typedef uint32_t (*meaning_t)(unsigned symbol);

/* At least 56 bits afterwards; zeroes behind the end of the input, which are counted. */
static inline void refill(struct stream *s)
{
	if (likely(s->in_end - s->in >= 8)) {
		uint64_t word;
		memcpy(&word, s->in, sizeof word);
		s->bits |= word << s->count;
		s->in += (63 - s->count) / 8;
		s->count |= 56;
		return;
	}
	while (s->count <= 56) {
		if (s->in < s->in_end)
			s->bits |= (uint64_t)*s->in++ << s->count;
		else
			s->missing++;
		s->count += 8;
	}
}

static inline void drop_bits(struct stream *s, unsigned n)
{
	s->bits >>= n;
	s->count -= n;
}

/* After a refill that covers it. */
static inline unsigned take_bits(struct stream *s, unsigned n)
{
	unsigned value = (unsigned)(s->bits & ((1ull << n) - 1));
	drop_bits(s, n);
	return value;
}

/* Whether more bits were used than there are. */
static bool is_overdrawn(const struct stream *s)
{
	return s->missing * 8 > s->count;
}

static unsigned reverse_bits(unsigned code, unsigned len)
{
	unsigned reversed = 0;
	for (unsigned i = 0; i < len; i++)
		reversed |= (code >> i & 1) << (len - 1 - i);
	return reversed;
}

/* Sorts the symbols by code length. False when the lengths are those of no prefix code. */
static bool sort_symbols(struct inflate_code *code, const uint8_t *lengths, unsigned symbols)
{
	uint16_t next[CODE_LEN_MAX + 2];
	memset(code->counts, 0, sizeof code->counts);
	for (unsigned i = 0; i < symbols; i++)
		code->counts[lengths[i]]++;
	unsigned used = symbols - code->counts[0];
	code->counts[0] = 0;

	int left = 1; /* codes of this length that are not prefixes of others */
	next[1] = 0;
	for (unsigned len = 1; len <= CODE_LEN_MAX; len++) {
		left = 2 * left - code->counts[len];
		if (left < 0)
			return false;
		next[len + 1] = (uint16_t)(next[len] + code->counts[len]);
	}
	/* Only a code of a single one-bit symbol, or of none, may leave others unused. */
	if (left > 0 && !(used == 0 || (used == 1 && code->counts[1] == 1)))
		return false;
	for (unsigned i = 0; i < symbols; i++) {
		if (lengths[i])
			code->symbols[next[lengths[i]]++] = (uint16_t)i;
	}
	return true;
}

/*
 * Codes are canonical: of equal length consecutive, in the order of the symbols, shorter ones first
 * (3.2.2).
 */
static bool build_code(
    struct inflate_code *code, const uint8_t *lengths, unsigned symbols, meaning_t meaning_of)
{
	unsigned size = 1u << code->index_bits, next = 0, at = 0;
	if (!sort_symbols(code, lengths, symbols))
		return false;
	memset(code->table, 0, size * sizeof code->table[0]);
	for (unsigned len = 1; len <= CODE_LEN_MAX; len++, next <<= 1) {
		for (unsigned n = code->counts[len]; n; n--, next++, at++) {
			/* The first bit of a code is the lowest of the index. */
			uint32_t meaning = meaning_of(code->symbols[at]);
			if (len > code->index_bits) {
				unsigned prefix = next >> (len - code->index_bits);
				code->table[reverse_bits(prefix, code->index_bits)] =
				    make_meaning(KIND_LONG, 0, 0);
				continue;
			}
			for (unsigned i = reverse_bits(next, len); meaning && i < size;
			     i += 1u << len)
				code->table[i] = meaning | len;
		}
	}
	return true;
}

/* The meaning of a code that is longer than the table's index; 0 when there is none. */
static NOINLINE uint32_t decode_long(
    const struct stream *s, const struct inflate_code *code, meaning_t meaning_of)
{
	unsigned value = 0, first = 0, at = 0;
	for (unsigned len = 1; len <= CODE_LEN_MAX; len++) {
		value |= s->bits >> (len - 1) & 1;
		unsigned count = code->counts[len];
		if (value - first < count) {
			uint32_t meaning = meaning_of(code->symbols[at + value - first]);
			return meaning ? meaning | len : 0;
		}
		at += count;
		first = (first + count) << 1;
		value <<= 1;
	}
	return 0;
}

/* Takes the code off the input; the extra bits are left. */
static inline uint32_t decode(
    struct stream *s, const struct inflate_code *code, meaning_t meaning_of)
{
	uint32_t meaning = code->table[s->bits & ((1u << code->index_bits) - 1)];
	if (unlikely(meaning_kind(meaning) == KIND_LONG))
		meaning = decode_long(s, code, meaning_of);
	drop_bits(s, meaning_len(meaning));
	return meaning;
}

/* The source may overlap the destination: what was just written is copied again. */
static void copy_match(struct stream *s, unsigned distance, unsigned len)
{
	const uint8_t *from = s->out - distance;
	uint8_t *to = s->out, *end = to + len;
	s->out = end;
	if (distance >= 8) {
		for (; end - to >= 8; to += 8, from += 8)
			memcpy(to, from, 8);
	}
	while (to < end)
		*to++ = *from++;
}

/* A length and a distance: at most 15 + 5 + 15 + 13 bits. */
static int decode_match(struct stream *s, const struct inflate_work *work, uint32_t meaning)
{
	unsigned len = meaning_value(meaning) + take_bits(s, meaning_extra(meaning));
	uint32_t far = decode(s, &work->distances, distance_meaning);
	if (!far)
		return -EINVAL;
	unsigned distance = meaning_value(far) + take_bits(s, meaning_extra(far));
	if (distance > (size_t)(s->out - s->out_start) || is_overdrawn(s))
		return -EINVAL;
	if (len > (size_t)(s->out_end - s->out))
		return -ENOSPC;
	copy_match(s, distance, len);
	return 0;
}

static int decode_block(struct stream *s, const struct inflate_work *work)
{
	for (;;) {
		refill(s);
		uint32_t meaning = decode(s, &work->literals, literal_meaning);
		while (meaning_kind(meaning) == KIND_LITERAL) {
			if (is_overdrawn(s))
				return -EINVAL;
			if (s->out == s->out_end)
				return -ENOSPC;
			*s->out++ = (uint8_t)meaning_value(meaning);
			if (s->count < CODE_LEN_MAX)
				refill(s);
			meaning = decode(s, &work->literals, literal_meaning);
		}
		if (!meaning)
			return -EINVAL;
		if (meaning_kind(meaning) == KIND_END)
			return is_overdrawn(s) ? -EINVAL : 0;
		refill(s);
		int result = decode_match(s, work, meaning);
		if (result < 0)
			return result;
	}
}

static int copy_stored_block(struct stream *s)
{
	drop_bits(s, s->count % 8);
	refill(s);
	unsigned len = take_bits(s, 16), check = take_bits(s, 16);
	if (is_overdrawn(s) || len != (check ^ 0xffff))
		return -EINVAL;
	/* Whole bytes in the reservoir go back. */
	s->in -= s->count / 8 - s->missing;
	s->bits = s->count = s->missing = 0;
	if (len > (size_t)(s->in_end - s->in))
		return -EINVAL;
	if (len > (size_t)(s->out_end - s->out))
		return -ENOSPC;
	memcpy(s->out, s->in, len);
	s->in += len;
	s->out += len;
	return 0;
}

static void use_fixed_codes(struct inflate_work *work)
{
	memset(work->lengths, 8, 144);
	memset(work->lengths + 144, 9, 112);
	memset(work->lengths + 256, 7, 24);
	memset(work->lengths + 280, 8, 8);
	(void)build_code(&work->literals, work->lengths, LITERAL_SYMBOLS, literal_meaning);
	memset(work->lengths, 5, DISTANCE_SYMBOLS);
	(void)build_code(&work->distances, work->lengths, DISTANCE_SYMBOLS, distance_meaning);
}

/* The lengths of both codes, run-length coded (3.2.7). */
static int read_lengths(struct stream *s, struct inflate_work *work, unsigned total)
{
	uint8_t *lengths = work->lengths;
	for (unsigned i = 0; i < total;) {
		refill(s);
		uint32_t meaning = decode(s, &work->distances, number_meaning);
		unsigned symbol = meaning_value(meaning), repeat = 1;
		uint8_t len = (uint8_t)symbol;
		if (!meaning || is_overdrawn(s))
			return -EINVAL;
		if (symbol >= 16) {
			if (symbol == 16 && i == 0)
				return -EINVAL;
			len = symbol == 16 ? lengths[i - 1] : 0;
			repeat = symbol == 16   ? 3 + take_bits(s, 2)
				 : symbol == 17 ? 3 + take_bits(s, 3)
						: 11 + take_bits(s, 7);
		}
		if (repeat > total - i)
			return -EINVAL;
		memset(lengths + i, len, repeat);
		i += repeat;
	}
	return is_overdrawn(s) ? -EINVAL : 0;
}

static int read_dynamic_codes(struct stream *s, struct inflate_work *work)
{
	static const uint8_t order[LENGTH_SYMBOLS] = {
	    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	unsigned literals = 257 + take_bits(s, 5), distances = 1 + take_bits(s, 5);
	unsigned count = 4 + take_bits(s, 4);
	if (literals > 286 || distances > 30)
		return -EINVAL;
	memset(work->lengths, 0, LENGTH_SYMBOLS);
	for (unsigned i = 0; i < count; i++) {
		refill(s);
		work->lengths[order[i]] = (uint8_t)take_bits(s, 3);
	}
	/* The distances' table serves for the code of the lengths first. */
	if (!build_code(&work->distances, work->lengths, LENGTH_SYMBOLS, number_meaning))
		return -EINVAL;
	int result = read_lengths(s, work, literals + distances);
	if (result < 0)
		return result;
	if (!work->lengths[SYMBOL_END])
		return -EINVAL;
	if (!build_code(&work->literals, work->lengths, literals, literal_meaning) ||
	    !build_code(&work->distances, work->lengths + literals, distances, distance_meaning))
		return -EINVAL;
	return 0;
}

static int inflate_block(struct stream *s, struct inflate_work *work, bool *is_last)
{
	int result = 0;
	refill(s);
	*is_last = take_bits(s, 1);
	switch (take_bits(s, 2)) {
	case 0: return copy_stored_block(s);
	case 1: use_fixed_codes(work); break;
	case 2: result = read_dynamic_codes(s, work); break;
	default: return -EINVAL;
	}
	return result < 0 ? result : decode_block(s, work);
}

int inflate(struct inflate_work *work, struct inflate_buffers *buffers)
{
	struct stream s = {
	    .in = buffers->in,
	    .in_end = (const uint8_t *)buffers->in + buffers->in_len,
	    .out = buffers->out,
	    .out_start = buffers->out,
	    .out_end = (uint8_t *)buffers->out + buffers->out_size,
	};
	work->literals.index_bits = INFLATE_LITERAL_BITS;
	work->literals.table = work->literal_table;
	work->distances.index_bits = INFLATE_DISTANCE_BITS;
	work->distances.table = work->distance_table;

	bool is_last = false;
	while (!is_last) {
		int result = inflate_block(&s, work, &is_last);
		if (result < 0)
			return result;
	}
	s.in -= s.count / 8 - s.missing;
	buffers->in_used = (size_t)(s.in - (const uint8_t *)buffers->in);
	buffers->out_len = (size_t)(s.out - s.out_start);
	return 0;
}

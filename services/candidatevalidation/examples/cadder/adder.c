// Validation code in C, as an example. The para's head is a number, 8 bytes, big-endian; a block is numbers like it, and
// the head after the block is their sum with the head before. It is the same para as examples/adder, in 2 KiB.
#include "../../guest/c/reeve.h"

int reeve_validate(const reeve_params *p, reeve_outputs *out) {
	if (p->parent_head.size != 8 || p->block_data.size % 8 != 0) {
		return 0;
	}
	const uint8_t *at = p->parent_head.bytes, *end = p->block_data.bytes + p->block_data.size;
	uint64_t sum = reeve_get(&at, 8);
	for (at = p->block_data.bytes; at < end;) {
		sum += reeve_get(&at, 8);
	}
	uint8_t *head = reeve_alloc(8), *to = head;
	reeve_put(&to, sum, 8);
	out->head_data = (reeve_bytes){head, 8};
	return 1;
}

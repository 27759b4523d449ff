// What the author of a parachain writes its validation code with, in C. The interface beneath and what code may do are
// in docs/validation.md. The code defines reeve_validate; this header defines the rest, so one file alone includes it.
//
//	clang --target=wasm32 -mcpu=mvp -mbulk-memory -O2 -ffreestanding -nostdlib \
//	  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=65536 -o code.wasm code.c
#ifndef REEVE_H
#define REEVE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
	const uint8_t *bytes;
	uint32_t size;
} reeve_bytes;

// What a candidate is judged by.
typedef struct {
	reeve_bytes parent_head;                // the para's head before the candidate
	uint64_t relay_parent_number;           // height of the relay-chain block that it was built on
	const uint8_t *relay_parent_state_root; // 32 bytes: the root of that block's state
	reeve_bytes block_data;                 // the proof of validity
} reeve_params;

// What a valid candidate yields. All is zero when reeve_validate is called.
typedef struct {
	reeve_bytes head_data;                // the para's head after the candidate
	const reeve_bytes *upward_messages;   // to the relay chain, in this order
	uint32_t upward_message_count;
	const uint8_t *new_code_hash;         // 32 bytes: SHA-256 of the code that the para upgrades to; 0: none
	uint64_t new_code_size;
	uint32_t processed_downward_messages; // how many messages from the relay chain were consumed
} reeve_outputs;

// reeve_validate judges a candidate: not 0 when it is valid.
int reeve_validate(const reeve_params *params, reeve_outputs *outputs);

extern uint8_t __heap_base; // by the linker

static uint8_t *reeve_heap = &__heap_base;

// reeve_alloc gives room that is never given back: the whole memory goes when the candidate is judged.
__attribute__((export_name("reeve_alloc"))) uint8_t *reeve_alloc(uint32_t size) {
	uint64_t aligned = ((uint64_t)size + 15) & ~15ull;
	uint64_t end = (uintptr_t)reeve_heap + aligned, has = (uint64_t)__builtin_wasm_memory_size(0) << 16;
	if (end > has && __builtin_wasm_memory_grow(0, (end - has + 0xffff) >> 16) == (size_t)-1) {
		__builtin_trap();
	}
	uint8_t *room = reeve_heap;
	reeve_heap = (uint8_t *)(uintptr_t)end;
	return room;
}

// reeve_get and reeve_put read and write a number of so many bytes, big-endian, and go on behind it.
static inline uint64_t reeve_get(const uint8_t **at, int bytes) {
	uint64_t n = 0;
	while (bytes-- > 0) {
		n = n << 8 | *(*at)++;
	}
	return n;
}

static inline void reeve_put(uint8_t **at, uint64_t n, int bytes) {
	while (bytes-- > 0) {
		*(*at)++ = n >> (8 * bytes);
	}
}

static inline void reeve_put_bytes(uint8_t **at, const uint8_t *bytes, uint32_t size) {
	__builtin_memcpy(*at, bytes, size);
	*at += size;
}

static int reeve_decode(reeve_params *p, const uint8_t *at, uint32_t size) {
	const uint8_t *end = at + size;
	if (size < 45 || *at++ != 1) {
		return 0;
	}
	p->parent_head.size = reeve_get(&at, 4);
	if (p->parent_head.size > size - 45) {
		return 0;
	}
	p->parent_head.bytes = at;
	at += p->parent_head.size;
	p->relay_parent_number = reeve_get(&at, 8);
	p->relay_parent_state_root = at;
	at += 32;
	p->block_data = (reeve_bytes){at, end - at};
	return 1;
}

static uint64_t reeve_encode(const reeve_outputs *o) {
	uint32_t size = 51 + o->head_data.size;
	for (uint32_t i = 0; i < o->upward_message_count; i++) {
		size += 4 + o->upward_messages[i].size;
	}
	uint8_t *start = reeve_alloc(size), *at = start;
	reeve_put(&at, 0x0103, 2); // version and kind
	reeve_put(&at, o->processed_downward_messages, 4);
	reeve_put(&at, o->new_code_hash != 0, 1);
	if (o->new_code_hash) {
		reeve_put_bytes(&at, o->new_code_hash, 32);
		reeve_put(&at, o->new_code_size, 8);
	}
	reeve_put(&at, o->upward_message_count, 4);
	for (uint32_t i = 0; i < o->upward_message_count; i++) {
		reeve_put(&at, o->upward_messages[i].size, 4);
		reeve_put_bytes(&at, o->upward_messages[i].bytes, o->upward_messages[i].size);
	}
	reeve_put_bytes(&at, o->head_data.bytes, o->head_data.size);
	return (uint64_t)(uintptr_t)start << 32 | (uint32_t)(at - start);
}

// validate_block is what the host calls.
__attribute__((export_name("validate_block"))) uint64_t reeve_validate_block(const uint8_t *params, uint32_t size) {
	reeve_params p;
	reeve_outputs o = {0};
	if (!reeve_decode(&p, params, size) || !reeve_validate(&p, &o)) {
		return 0;
	}
	return reeve_encode(&o);
}

#endif

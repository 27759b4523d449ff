package wire

import "google.golang.org/protobuf/encoding/protowire"

// Variant reads the two tags at the head of an AllMessages: the field of the subsystem and the field of the variant in
// its enum, and the variant's own bytes. A message that names no variant has zeroes, which nobody serves.
func Variant(message []byte) (subsystem, variant protowire.Number, body []byte, err error) {
	subsystem, inner, err := sole(message)
	if err != nil || subsystem == 0 {
		return 0, 0, nil, err
	}
	variant, body, err = sole(inner)
	return subsystem, variant, body, err
}

// sole reads b as one field that holds bytes and nothing behind it, which is how messages lie in each other.
func sole(b []byte) (protowire.Number, []byte, error) {
	if len(b) == 0 {
		return 0, nil, nil
	}
	n, body, rest := bytesField(b)
	switch {
	case n == 0:
		return 0, nil, malformed("a message begins with the field of its kind")
	case len(rest) > 0:
		return 0, nil, malformed("a message holds one kind and nothing else")
	}
	return n, body, nil
}

// bytesField reads a field that holds bytes, which end where they end; 0: what b begins with is none.
func bytesField(b []byte) (n protowire.Number, body, rest []byte) {
	tag, l := varint(b)
	if n, t := protowire.DecodeTag(tag); l <= 0 || n <= 0 || t != protowire.BytesType {
		return 0, nil, nil
	}
	size, head := varint(b[l:])
	if l += head; head <= 0 || size > uint64(len(b)-l) {
		return 0, nil, nil
	}
	end := l + int(size)
	return protowire.Number(tag >> 3), b[l:end:end], b[end:]
}

// varint is protowire.ConsumeVarint with the short ones inline.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

// VariantHeader is the most that AppendVariantHeader appends.
const VariantHeader = 16

// VariantHeaderSize is how much it appends.
func VariantHeaderSize(subsystem, variant protowire.Number, size int) int {
	return sizeHead(subsystem, sizeHead(variant, size)+size) + sizeHead(variant, size)
}

// AppendVariantHeader appends what stands before a variant's bytes, of which there are size.
func AppendVariantHeader(b []byte, subsystem, variant protowire.Number, size int) []byte {
	return appendHead(appendHead(b, subsystem, sizeHead(variant, size)+size), variant, size)
}

// AppendVariant wraps a variant's bytes the way Variant reads them.
func AppendVariant(b []byte, subsystem, variant protowire.Number, body []byte) []byte {
	return append(AppendVariantHeader(b, subsystem, variant, len(body)), body...)
}

// appendHead appends what stands before a field of size bytes.
func appendHead(b []byte, n protowire.Number, size int) []byte {
	return appendVarint(appendVarint(b, uint64(n)<<3|uint64(protowire.BytesType)), uint64(size))
}

func sizeHead(n protowire.Number, size int) int {
	return protowire.SizeTag(n) + protowire.SizeVarint(uint64(size))
}

func appendVarint(b []byte, v uint64) []byte {
	if v < 1<<7 {
		return append(b, byte(v))
	}
	return protowire.AppendVarint(b, v)
}

package wasmtest

import (
	"encoding/binary"
	"math"
)

// Instructions that are one byte.
const (
	Unreachable = 0x00
	Else        = 0x05
	End         = 0x0b
	Return      = 0x0f
	Drop        = 0x1a
)

// Code is instructions in a row.
func Code(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Op is an instruction with what follows it.
func Op(op byte, more ...[]byte) []byte { return append([]byte{op}, Code(more...)...) }

// I32Const and the like put a number on the stack.
func I32Const(n int32) []byte { return Op(0x41, Signed(int64(n))) }

// I64Const is one of 64 bits.
func I64Const(n int64) []byte { return Op(0x42, Signed(n)) }

// F32Const is one by its bits.
func F32Const(bits uint32) []byte { return Op(0x43, binary.LittleEndian.AppendUint32(nil, bits)) }

// F64Const is one.
func F64Const(x float64) []byte {
	return Op(0x44, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
}

// Get, Set and Tee are of locals.
func Get(i uint32) []byte { return Op(0x20, U32(i)) }

// Set takes a local's value from the stack.
func Set(i uint32) []byte { return Op(0x21, U32(i)) }

// Tee is Set that leaves it there.
func Tee(i uint32) []byte { return Op(0x22, U32(i)) }

// GlobalGet reads a global, GlobalSet writes it.
func GlobalGet(i uint32) []byte { return Op(0x23, U32(i)) }

// GlobalSet takes a global's value from the stack.
func GlobalSet(i uint32) []byte { return Op(0x24, U32(i)) }

// Block, Loop and If hold what is in them.
func Block(code ...[]byte) []byte { return append(Op(0x02, []byte{Non}, Code(code...)), End) }

// Loop is a block to whose beginning one branches.
func Loop(code ...[]byte) []byte { return append(Op(0x03, []byte{Non}, Code(code...)), End) }

// If is a block that is done when the number on the stack isn't 0.
func If(code ...[]byte) []byte { return append(Op(0x04, []byte{Non}, Code(code...)), End) }

// Br and BrIf branch out of so many blocks.
func Br(label uint32) []byte { return Op(0x0c, U32(label)) }

// BrIf does so when the number on the stack isn't 0.
func BrIf(label uint32) []byte { return Op(0x0d, U32(label)) }

// Call calls a function.
func Call(f uint32) []byte { return Op(0x10, U32(f)) }

// CallIndirect calls one by its number in the table.
func CallIndirect(t uint32) []byte { return Op(0x11, U32(t), U32(0)) }

// Load and Store are with the instruction's byte, without an offset.
func Load(op byte) []byte { return []byte{op, 0, 0} }

// Grow lets the memory grow.
func Grow() []byte { return []byte{0x40, 0} }

// Fill and Copy are of memory.
func Fill() []byte { return []byte{0xfc, 11, 0} }

// Copy copies memory.
func Copy() []byte { return []byte{0xfc, 10, 0, 0} }

// Repeat is code n times.
func Repeat(n int, code ...[]byte) (out []byte) {
	for range n {
		out = append(out, Code(code...)...)
	}
	return out
}

// Outputs is code that returns commitments whose head is the 8 bytes of the i64 local: the local is written behind the
// rest, at address 64.
func Outputs(local uint32) []byte {
	return Code(
		I32Const(64), I32Const(0x0301), Load(0x3b), // version and kind; the rest is zeros
		I32Const(64+11), Get(local), Load(0x37),
		I64Const(64<<32|19),
	)
}

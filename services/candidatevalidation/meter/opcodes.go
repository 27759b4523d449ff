package meter

// immediate is what follows an instruction's byte.
type immediate byte

const (
	refused    immediate = iota // the instruction isn't in the list
	none                        // nothing
	blockType                   // the type of a block, which it opens
	label                       // a label
	labels                      // br_table's
	function                    // a function's index
	indirect                    // a type's and a table's index
	local                       // a local's index
	global                      // a global's index
	access                      // alignment and offset
	memory                      // the memory's index
	constI32                    // a number
	constI64                    //
	constF32                    //
	constF64                    //
	selectType                  // the types of select
	prefix                      // another number
)

// nan says of which type a result may be that isn't a number.
type nan byte

const (
	exact nan = iota
	float32s
	float64s
)

// instruction is what is known of one. cost is in units of work: what a processor takes for it where nothing is in its
// way, so that all kinds of code take about as long for a unit (docs/validation.md has what was measured).
type instruction struct {
	follows immediate
	cost    int64
	nan     nan
}

// Costs in units of work.
const (
	free      = 0 // it makes no code, or what follows it pays
	simple    = 1
	memoryUse = 4   // a load or store
	division  = 12  // also what is as slow
	floating  = 4   // with the check for what isn't a number
	called    = 8   // and what the function itself costs at its head
	byTable   = 16  // call_indirect
	looping   = 3   // each time a loop begins anew: the look whether there is fuel
	hostCall  = 256 // a call of an import
	growing   = 8192
)

// instructions by their byte. What isn't here is refused.
var instructions = table(
	row{0x00, 0x01, instruction{none, free, exact}},        // unreachable, nop
	row{0x02, 0x03, instruction{blockType, free, exact}},   // block, loop
	row{0x04, 0x04, instruction{blockType, simple, exact}}, // if
	row{0x05, 0x05, instruction{none, free, exact}},        // else
	row{0x0b, 0x0b, instruction{none, free, exact}},        // end
	row{0x0c, 0x0d, instruction{label, simple, exact}},     // br, br_if
	row{0x0e, 0x0e, instruction{labels, memoryUse, exact}}, // br_table
	row{0x0f, 0x0f, instruction{none, simple, exact}},      // return
	row{0x10, 0x10, instruction{function, called, exact}},
	row{0x11, 0x11, instruction{indirect, byTable, exact}},
	row{0x1a, 0x1b, instruction{none, simple, exact}}, // drop, select
	row{0x1c, 0x1c, instruction{selectType, simple, exact}},
	row{0x20, 0x22, instruction{local, simple, exact}},
	row{0x23, 0x24, instruction{global, simple, exact}},
	row{0x28, 0x3e, instruction{access, memoryUse, exact}}, // loads and stores
	row{0x3f, 0x3f, instruction{memory, simple, exact}},    // memory.size
	row{0x40, 0x40, instruction{memory, growing, exact}},   // memory.grow
	row{0x41, 0x41, instruction{constI32, simple, exact}},
	row{0x42, 0x42, instruction{constI64, simple, exact}},
	row{0x43, 0x43, instruction{constF32, simple, exact}},
	row{0x44, 0x44, instruction{constF64, simple, exact}},
	row{0x45, 0x6c, instruction{none, simple, exact}},   // comparisons; i32 up to mul
	row{0x6d, 0x70, instruction{none, division, exact}}, // i32.div, rem
	row{0x71, 0x7e, instruction{none, simple, exact}},   // to i64.mul
	row{0x7f, 0x82, instruction{none, division, exact}}, // i64.div, rem
	row{0x83, 0x8a, instruction{none, simple, exact}},
	row{0x8b, 0x8c, instruction{none, simple, exact}},      // f32.abs, neg
	row{0x8d, 0x90, instruction{none, floating, float32s}}, // ceil, floor, trunc, nearest
	row{0x91, 0x91, instruction{none, division, float32s}}, // sqrt
	row{0x92, 0x94, instruction{none, floating, float32s}}, // add, sub, mul
	row{0x95, 0x95, instruction{none, division, float32s}}, // div
	row{0x96, 0x97, instruction{none, floating, float32s}}, // min, max
	row{0x98, 0x98, instruction{none, simple, exact}},      // copysign
	row{0x99, 0x9a, instruction{none, simple, exact}},      // f64.abs, neg
	row{0x9b, 0x9e, instruction{none, floating, float64s}},
	row{0x9f, 0x9f, instruction{none, division, float64s}},
	row{0xa0, 0xa2, instruction{none, floating, float64s}},
	row{0xa3, 0xa3, instruction{none, division, float64s}},
	row{0xa4, 0xa5, instruction{none, floating, float64s}},
	row{0xa6, 0xa6, instruction{none, simple, exact}},
	row{0xa7, 0xa7, instruction{none, simple, exact}},      // i32.wrap
	row{0xa8, 0xab, instruction{none, floating, exact}},    // i32.trunc
	row{0xac, 0xad, instruction{none, simple, exact}},      // i64.extend
	row{0xae, 0xb1, instruction{none, floating, exact}},    // i64.trunc
	row{0xb2, 0xb5, instruction{none, floating, exact}},    // f32.convert
	row{0xb6, 0xb6, instruction{none, floating, float32s}}, // demote
	row{0xb7, 0xba, instruction{none, floating, exact}},    // f64.convert
	row{0xbb, 0xbb, instruction{none, floating, float64s}}, // promote
	row{0xbc, 0xbf, instruction{none, simple, exact}},      // reinterpret
	row{0xc0, 0xc4, instruction{none, simple, exact}},      // extend
	row{0xfc, 0xfc, instruction{prefix, simple, exact}},
)

// Instructions that the code is changed around, and some of those that are put into it.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelect       = 0x1b
	opLocalGet     = 0x20
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32LtS       = 0x48
	opI64LtS       = 0x53
	opF32Eq        = 0x5b
	opF64Eq        = 0x61
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Sub       = 0x7d
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opPrefix       = 0xfc
	noType         = 0x40
)

// Instructions behind the prefix.
const (
	lastTruncSat = 7
	memoryInit   = 8
	dataDrop     = 9
	memoryCopy   = 10
	memoryFill   = 11
)

type row struct {
	from, to byte
	instruction
}

func table(rows ...row) (t [256]instruction) {
	for _, r := range rows {
		for op := int(r.from); op <= int(r.to); op++ {
			t[op] = r.instruction
		}
	}
	return t
}

package wasmtest

import (
	"encoding/binary"
	"strings"
)

// Judgement is how code must end: the letters of package job.
type Judgement byte

// The judgements.
const (
	Returned  Judgement = 'o'
	Declined  Judgement = 'n'
	Trapped   Judgement = 't'
	Exhausted Judgement = 'f'
	BadReturn Judgement = 'x'
	Malformed Judgement = 'm'
)

// Case is code and its judgement.
type Case struct {
	Name string
	Code []byte
	Want Judgement
	// Head is what it must have put out when it returned.
	Head string
	// Deep code needs more stack than an interpreter has. Slow code takes its machine much longer than its fuel says.
	Deep, Slow bool
}

const wasi = "wasi_snapshot_preview1"

var (
	randomGet = Import{wasi, "random_get", "\x7f\x7f", "\x7f"}
	clockGet  = Import{wasi, "clock_time_get", "\x7f\x7e\x7f", "\x7f"}
	fdWrite   = Import{wasi, "fd_write", "\x7f\x7f\x7f\x7f", "\x7f"}
	pollOneof = Import{wasi, "poll_oneoff", "\x7f\x7f\x7f\x7f", "\x7f"}
	procExit  = Import{wasi, "proc_exit", "\x7f", ""}
	fdRead    = Import{wasi, "fd_read", "\x7f\x7f\x7f\x7f", "\x7f"}
)

func simple(code ...[]byte) Guest { return Guest{Functions: []Function{Validate(code...)}} }

// forever repeats code.
func forever(code ...[]byte) []byte { return Code(Loop(Code(code...), Br(0)), []byte{Unreachable}) }

// with changes a guest.
func with(g Guest, f func(*Guest)) []byte {
	f(&g)
	return g.Bytes()
}

// head is the 8 bytes of an i64.
func head(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }

// returns is code that returns the i64 on the stack as the head.
func returns(code ...[]byte) Guest { return simple(Code(code...), Set(4), Outputs(4)) }

// Canonical are the bits of what isn't a number.
const (
	canonical32 = 0x7fc00000
	canonical64 = 0x7ff8000000000000
)

// Malicious lists code that means harm.
func Malicious() []Case {
	var all []Case
	for _, part := range [][]Case{endless(), deep(), greedy(), nondeterministic(), crooked(), forbidden()} {
		all = append(all, part...)
	}
	return all
}

// endless code never ends by itself.
func endless() []Case {
	exponential := Function{Params: "\x7f", Code: Code(
		Get(0), Op(0x45), If(Op(Return)), // at depth 0
		Get(0), I32Const(1), Op(0x6b), Call(1), Get(0), I32Const(1), Op(0x6b), Call(1),
	)}
	nothing := Function{}
	return []Case{
		{Name: "a loop", Code: simple(forever()).Bytes(), Want: Exhausted},
		{Name: "a loop in the allocator", Code: with(Guest{}, func(g *Guest) { g.Alloc = forever() }), Want: Exhausted},
		{Name: "a loop at the start", Want: Exhausted,
			Code: with(Guest{}, func(g *Guest) { g.Initialize = forever() })},
		{Name: "calls that double, without a loop", Want: Exhausted,
			Code: Guest{Functions: []Function{Validate(I32Const(60), Call(1), I64Const(0)), exponential}}.Bytes()},
		{Name: "calls of nothing", Want: Exhausted,
			Code: Guest{Functions: []Function{Validate(forever(Call(1))), nothing}}.Bytes()},
		{Name: "calls by number", Want: Exhausted, Code: Guest{
			Functions: []Function{Validate(forever(I32Const(0), CallIndirect(1))), nothing}, Table: []uint32{1},
		}.Bytes()},
		{Name: "divisions", Want: Exhausted,
			Code: simple(forever(Repeat(50, I64Const(-1), Get(2), Op(0xad), I64Const(3), Op(0x84), Op(0x7f),
				Op(Drop)))).Bytes()},
		{Name: "dependent divisions", Want: Exhausted,
			Code: simple(forever(I64Const(-1), Repeat(50, Get(4), I64Const(3), Op(0x84), Op(0x80)), Set(4))).Bytes()},
		{Name: "square roots", Want: Exhausted,
			Code: simple(forever(F64Const(2), Repeat(50, Op(0x9f)), Op(Drop))).Bytes()},
		{Name: "remainders of floats by division", Want: Exhausted,
			Code: simple(forever(F64Const(1e300), Repeat(50, F64Const(3.7), Op(0xa3)), Op(Drop))).Bytes()},
		{Name: "conversions", Want: Exhausted,
			Code: simple(forever(I64Const(7), Repeat(50, Op(0xb9), []byte{0xfc, 6}), Op(Drop))).Bytes()},
		{Name: "rounding", Want: Exhausted,
			Code: simple(forever(F64Const(7.5), Repeat(50, Op(0x9e)), Op(Drop))).Bytes()},
		{Name: "loads that miss every cache", Want: Exhausted, Slow: true,
			Code: with(simple(missing()), func(g *Guest) { g.Pages = 2048 })},
		{Name: "stores that miss every cache", Want: Exhausted,
			Code: with(simple(scattered()), func(g *Guest) { g.Pages = 2048 })},
		{Name: "branches that nobody foresees", Want: Exhausted, Code: simple(unforeseen()).Bytes()},
		{Name: "multiplications", Want: Exhausted,
			Code: simple(forever(I64Const(7), Repeat(50, I64Const(0x12345678901), Op(0x7e)), Op(Drop))).Bytes()},
		{Name: "filling", Want: Exhausted,
			Code: with(simple(forever(I32Const(0), I32Const(1), I32Const(2048<<16-1), Fill())),
				func(g *Guest) { g.Pages = 2048 })},
		{Name: "copying", Want: Exhausted,
			Code: with(simple(forever(I32Const(1), I32Const(0), I32Const(2048<<16-1), Copy())),
				func(g *Guest) { g.Pages = 2048 })},
		{Name: "copying, again and again without a loop", Want: Exhausted,
			Code: with(simple(Repeat(8000, I32Const(1), I32Const(0), I32Const(2048<<16-1), Copy()), I64Const(0)),
				func(g *Guest) { g.Pages = 2048 })},
		{Name: "copying of nothing", Want: Exhausted,
			Code: simple(forever(I32Const(1), I32Const(0), I32Const(0), Copy())).Bytes()},
		{Name: "growing by nothing", Want: Exhausted, Code: simple(forever(I32Const(0), Grow(), Op(Drop))).Bytes()},
		{Name: "growing by too much", Want: Exhausted, Code: simple(forever(I32Const(-1), Grow(), Op(Drop))).Bytes()},
		{Name: "drawing randomness", Want: Exhausted,
			Code: with(simple(forever(I32Const(0), I32Const(2048<<16), Call(0), Op(Drop))),
				func(g *Guest) { g.Pages, g.Imports = 2048, []Import{randomGet} })},
		{Name: "drawing a little randomness", Want: Exhausted,
			Code: with(simple(forever(I32Const(0), I32Const(8), Call(0), Op(Drop))),
				func(g *Guest) { g.Imports = []Import{randomGet} })},
		{Name: "looking at the clock", Want: Exhausted,
			Code: with(simple(forever(I32Const(0), I64Const(1), I32Const(0), Call(0), Op(Drop))),
				func(g *Guest) { g.Imports = []Import{clockGet} })},
		{Name: "waiting", Want: Exhausted,
			Code: with(simple(forever(I32Const(0), I32Const(0), I32Const(1000), I32Const(0), Call(0), Op(Drop))),
				func(g *Guest) { g.Pages, g.Imports = 2, []Import{pollOneof} })},
		{Name: "writing", Want: Exhausted,
			Code: with(simple(forever(I32Const(2), I32Const(0), I32Const(1024), I32Const(0), Call(0), Op(Drop))),
				func(g *Guest) { g.Pages, g.Imports = 2, []Import{fdWrite} })},
	}
}

// missing is code that follows a chain through the whole memory, each link of which depends on the last.
func missing() []byte {
	const mask = 2048<<16 - 8
	return forever(
		// where = (where*a + c + what lies there) & mask
		Repeat(20, Get(4), I64Const(6364136223846793005), Op(0x7e), I64Const(1442695040888963407), Op(0x7c), Tee(4),
			I64Const(33), Op(0x88), Op(0xa7), I32Const(mask), Op(0x71), Load(0x29), Get(4), Op(0x7c), Set(4)),
	)
}

func scattered() []byte {
	const mask = 2048<<16 - 8
	return forever(
		Repeat(20, Get(4), I64Const(6364136223846793005), Op(0x7e), I64Const(1442695040888963407), Op(0x7c), Tee(4),
			I64Const(33), Op(0x88), Op(0xa7), I32Const(mask), Op(0x71), Get(4), Load(0x37)),
	)
}

func unforeseen() []byte {
	return forever(
		Repeat(20, Get(4), I64Const(6364136223846793005), Op(0x7e), I64Const(1442695040888963407), Op(0x7c), Tee(4),
			I64Const(40), Op(0x88), Op(0xa7), I32Const(1), Op(0x71), If(Get(4), I64Const(3), Op(0x7c), Set(4))),
	)
}

// deep code calls itself.
func deep() []Case {
	return []Case{
		{Name: "a function that calls itself", Want: Trapped, Deep: true,
			Code: simple(Get(0), Get(1), Call(0)).Bytes()},
		{Name: "two that call one another by number", Want: Trapped, Deep: true, Code: Guest{
			Functions: []Function{Validate(Get(0), Get(1), I32Const(1), CallIndirect(0)),
				Validate(Get(0), Get(1), I32Const(0), CallIndirect(0))},
			Table: []uint32{0, 1},
		}.Bytes()},
		{Name: "one with a thousand locals", Want: Trapped, Deep: true, Code: Guest{Functions: []Function{
			{Params: "\x7f\x7f", Results: "\x7e", Locals: strings.Repeat("\x7e", 1000), Code: crowded(1000)},
		}}.Bytes()},
		{Name: "one that keeps a thousand results", Want: Trapped, Deep: true, Code: Guest{Functions: []Function{
			Validate(keeping(1000)),
		}}.Bytes()},
		{Name: "one with sixty parameters", Want: Trapped, Deep: true, Code: Guest{Functions: []Function{
			Validate(Repeat(60, I64Const(1)), Call(1), I64Const(0)),
			{Params: strings.Repeat("\x7e", 60), Code: parameters(60)},
		}}.Bytes()},
	}
}

// crowded gives every local a value of its own, calls itself, and adds them all up.
func crowded(n uint32) []byte {
	var code []byte
	for i := range n {
		code = append(code, Code(Get(0), Op(0xad), I64Const(int64(i)*7919), Op(0x7c), Set(2+i))...)
	}
	code = append(code, Code(Get(0), Get(1), Call(0))...)
	for i := range n {
		code = append(code, Code(Get(2+i), Op(0x7c))...)
	}
	return code
}

// keeping leaves results on the stack while it calls itself.
func keeping(n int) []byte {
	var code []byte
	for i := range n {
		code = append(code, Code(Get(0), Op(0xad), I64Const(int64(i)*7919), Op(0x7c))...)
	}
	return append(append(code, Code(Get(0), Get(1), Call(0))...), Repeat(n, Op(0x7c))...)
}

func parameters(n uint32) []byte {
	var code []byte
	for i := range n {
		code = append(code, Code(Get(i), I64Const(1), Op(0x7c))...)
	}
	return append(code, Call(1)...)
}

// greedy code wants more memory than there is.
func greedy() []Case {
	untilRefused := func(by int32) []byte {
		return Code(
			Loop(I32Const(by), Grow(), I32Const(-1), Op(0x47), BrIf(0)), // until it returns -1
			Op(0x3f, []byte{0}), Op(0xad),
		)
	}
	return []Case{
		{Name: "growing until it is refused", Want: Returned, Head: head(2048),
			Code: returns(untilRefused(23)).Bytes()},
		{Name: "growing within its own bound", Want: Returned, Head: head(5),
			Code: with(returns(untilRefused(1)), func(g *Guest) { g.MaxPages = 5 })},
		{Name: "a bound above the host's", Want: Returned, Head: head(2048),
			Code: with(returns(untilRefused(89)), func(g *Guest) { g.MaxPages = 65536 })},
		{Name: "growing by all that has a number", Want: Returned, Head: head(0xffffffff),
			Code: returns(I32Const(-1), Grow(), Op(0xad)).Bytes()},
		{Name: "a memory that is too large from the start", Want: Malformed,
			Code: with(Guest{}, func(g *Guest) { g.Pages = 2049 })},
		{Name: "a table that is too large", Want: Malformed,
			Code: with(Guest{}, func(g *Guest) { g.TableSize = 1<<16 + 1 })},
		{Name: "a table of four thousand million", Want: Malformed,
			Code: with(Guest{}, func(g *Guest) { g.TableSize = 1<<32 - 1 })},
		{Name: "data outside its memory", Want: Trapped,
			Code: with(Guest{}, func(g *Guest) { g.Data = map[uint32]string{1 << 30: "data"} })},
	}
}

// nondeterministic code looks for what differs between machines.
func nondeterministic() []Case {
	bits64 := func(code ...[]byte) []byte { return returns(Code(code...), Op(0xbd)).Bytes() }
	bits32 := func(code ...[]byte) []byte { return returns(Code(code...), Op(0xbc), Op(0xad)).Bytes() }
	zeros := Code(Get(4), Op(0xb9), Get(4), Op(0xb9)) // what the compiler can't compute
	signalling := F32Const(0x7fa00001)
	return []Case{
		{Name: "0/0 in 64 bits", Code: bits64(zeros, Op(0xa3)), Want: Returned, Head: head(canonical64)},
		{Name: "0/0 in 32 bits", Want: Returned, Head: head(canonical32),
			Code: bits32(Get(4), Op(0xb4), Get(4), Op(0xb4), Op(0x95))},
		{Name: "the root of -1", Want: Returned, Head: head(canonical64),
			Code: bits64(I64Const(-1), Op(0xb9), Op(0x9f))},
		{Name: "a sum with a signalling NaN", Want: Returned, Head: head(canonical32),
			Code: bits32(signalling, Get(4), Op(0xb4), Op(0x92))},
		{Name: "the lesser of a NaN", Want: Returned, Head: head(canonical32),
			Code: bits32(signalling, Get(4), Op(0xb4), Op(0x96))},
		{Name: "a NaN made longer", Code: bits64(signalling, Op(0xbb)), Want: Returned, Head: head(canonical64)},
		{Name: "a NaN that was only moved", Want: Returned, Head: head(0xffa00001),
			Code: bits32(signalling, Op(0x8c))}, // negation is exact
		{Name: "the clock", Want: Returned, Head: head(1_001_000), Code: with(returns(
			Repeat(2, I32Const(0), I64Const(1), I32Const(8), Call(0), Op(Drop)), I32Const(8), Load(0x29),
		), func(g *Guest) { g.Imports = []Import{clockGet} })},
		{Name: "randomness", Want: Returned, Head: "\xaf\x55\x70\xf5\xa1\x81\x0b\x7a", // of SHA-256 of 8 zeros
			Code: with(returns(I32Const(8), I32Const(8), Call(0), Op(Drop), I32Const(8), Load(0x29)),
				func(g *Guest) { g.Imports = []Import{randomGet} })},
		{Name: "reading the standard input", Want: Returned, Head: head(8),
			Code: with(returns(I32Const(0), I32Const(0), I32Const(0), I32Const(0), Call(0), Op(0xad)),
				func(g *Guest) { g.Imports = []Import{fdRead} })},
	}
}

// crooked code ends in ways that aren't to be trusted.
func crooked() []Case {
	leave := with(simple(I32Const(0), Call(0), I64Const(0)), func(g *Guest) { g.Imports = []Import{procExit} })
	return []Case{
		{Name: "nothing is valid", Code: Guest{}.Bytes(), Want: Declined},
		{Name: "a trap", Code: simple(Op(Unreachable)).Bytes(), Want: Trapped},
		{Name: "a division by zero", Code: simple(I64Const(1), Get(4), Op(0x7f)).Bytes(), Want: Trapped},
		{Name: "reading outside its memory", Code: simple(I32Const(-8), Load(0x29)).Bytes(), Want: Trapped},
		{Name: "writing outside its memory", Want: Trapped,
			Code: simple(I32Const(1<<16-4), I64Const(1), Load(0x37), I64Const(0)).Bytes()},
		{Name: "converting what isn't a number", Want: Trapped,
			Code: simple(I64Const(-1), Op(0xb9), Op(0x9f), Op(0xb0)).Bytes()},
		{Name: "ending itself with success", Code: leave, Want: Trapped},
		{Name: "outputs outside its memory", Code: simple(I64Const(-1)).Bytes(), Want: BadReturn},
		{Name: "outputs that are too long", Want: BadReturn,
			Code: with(simple(I64Const(256<<10+1)), func(g *Guest) { g.Pages = 8 })},
		{Name: "outputs of no length", Code: simple(I64Const(8 << 32)).Bytes(), Want: Returned},
		{Name: "room outside its memory", Want: BadReturn,
			Code: with(Guest{}, func(g *Guest) { g.Alloc = I32Const(-16) })},
		{Name: "a call of another type", Want: Trapped, Code: Guest{
			Functions: []Function{Validate(Get(0), Get(1), I32Const(0), CallIndirect(0)), {}}, Table: []uint32{1},
		}.Bytes()},
	}
}

// forbidden code has what code may not have.
func forbidden() []Case {
	imports := func(i Import) []byte { return with(Guest{}, func(g *Guest) { g.Imports = []Import{i} }) }
	section := func(id byte, content ...byte) []byte {
		return with(Guest{}, func(g *Guest) { g.Section, g.Content = id, content })
	}
	return []Case{
		{Name: "an import from elsewhere", Code: imports(Import{"env", "now", "", "\x7e"}), Want: Malformed},
		{Name: "an import that there isn't", Want: Malformed,
			Code: imports(Import{wasi, "thread_spawn", "\x7f", "\x7f"})},
		{Name: "an import of another type", Code: imports(Import{wasi, "proc_exit", "\x7e", ""}), Want: Malformed},
		{Name: "a function that runs by itself", Code: section(8, 0), Want: Malformed},
		{Name: "exceptions", Code: section(13, 0), Want: Malformed},
		{Name: "vectors", Want: Malformed,
			Code: simple(Op(0xfd, []byte{12}, make([]byte, 16)), Op(Drop), I64Const(0)).Bytes()},
		{Name: "threads", Code: simple(Op(0xfe, []byte{3, 0}), I64Const(0)).Bytes(), Want: Malformed},
		{Name: "references", Code: simple(Op(0xd0, []byte{0x70}), Op(Drop), I64Const(0)).Bytes(), Want: Malformed},
		{Name: "a tail call", Code: simple(Get(0), Get(1), Op(0x12, U32(0))).Bytes(), Want: Malformed},
		{Name: "growing tables", Code: simple([]byte{0xfc, 15, 0}, I64Const(0)).Bytes(), Want: Malformed},
		{Name: "its own fuel", Code: simple(I64Const(1<<60), GlobalSet(0), I64Const(0)).Bytes(), Want: Malformed},
		{Name: "its own stack", Code: simple(I32Const(1<<30), GlobalSet(1), I64Const(0)).Bytes(), Want: Malformed},
		{Name: "what takes its fuel", Want: Malformed,
			Code: simple(I32Const(1<<30), Call(2), Op(Drop), I64Const(0)).Bytes()},
		{Name: "an export by the name of its fuel", Want: Malformed,
			Code: with(Guest{}, func(g *Guest) { g.Exports = map[string]uint32{"reeve:fuel": 0} })},
		{Name: "no function to call", Code: []byte("\x00asm\x01\x00\x00\x00"), Want: Malformed},
		{Name: "wrong types", Code: simple(I32Const(1)).Bytes(), Want: Malformed},
		{Name: "nothing on the stack", Code: simple(Op(Drop), I64Const(0)).Bytes(), Want: Malformed},
		{Name: "no code at all", Code: nil, Want: Malformed},
		{Name: "another kind of file", Code: []byte("\x7fELF\x02\x01\x01\x00 and so on"), Want: Malformed},
		{Name: "blocks in blocks", Want: Malformed,
			Code: simple(Repeat(5000, []byte{0x02, Non}), Repeat(5000, []byte{End}), I64Const(0)).Bytes()},
		{Name: "a function that is too long", Want: Malformed,
			Code: simple(Repeat(70_000, I32Const(1), Op(Drop)), I64Const(0)).Bytes()},
		{Name: "more locals than there may be", Want: Malformed,
			Code: Guest{Functions: []Function{{Params: "\x7f\x7f", Results: "\x7e",
				Locals: strings.Repeat("\x7e", 1023), Code: I64Const(0)}}}.Bytes()},
	}
}

package meter

// body is a function's code on its way.
type body struct {
	m  *module
	in *reader
	of Signature

	locals uint32 // parameters included
	out    []byte
	count  int32 // of instructions
	depth  uint32
	calls  bool // it calls functions of the module
	floats bool // it has results that may be no numbers

	// The stretch of instructions without a branch that is being read: it is put out when it ends, after what takes its
	// cost.
	stretch []byte
	cost    int64
	head    bool // it begins a function or a loop, where there must be fuel left
}

// Units of stack: a frame may need 16 for what every call keeps, one for each local, and one for every four
// instructions, whose results are kept somewhere. A unit is about eight bytes of the machine's stack, and less than
// forty in the worst case; see TestTheStackOfTheMachineIsNeverWhatEnds.
const (
	frameStack   = 16
	perStackUnit = 4
	// smallFrame is how large that of a function that calls nobody may be without being counted.
	smallFrame = 1024
)

func (b *body) frame() int32 { return frameStack + int32(b.locals) + b.count/perStackUnit }

// read returns the function's new code.
func (b *body) read() []byte {
	declared, groups := b.readLocals()
	b.head, b.cost = true, int64(called)+int64(b.locals)
	for b.in.err == nil {
		if op := b.in.byte(); op == opEnd && b.depth == 0 {
			break
		} else {
			b.instruction(op)
		}
	}
	b.end()
	if b.floats {
		declared, groups = append(declared, 1, f32[0], 1, f64[0]), groups+2
	}
	out := append(putU32(nil, groups), declared...)
	if b.calls || b.frame() > smallFrame {
		return b.framed(out)
	}
	return append(append(out, b.out...), opEnd)
}

// readLocals reads what is declared, in groups of one type.
func (b *body) readLocals() (out []byte, groups uint32) {
	b.locals = uint32(len(b.of.Params))
	groups = b.in.count("groups of locals", maxLocals)
	for range groups {
		n, t := b.in.u32(), b.in.byte()
		if n > maxLocals-b.locals || !numeric([]byte{t}) {
			b.in.fail("more than %d locals, or some that are no numbers", maxLocals)
			return nil, 0
		}
		b.locals += n
		out = append(putU32(out, n), t)
	}
	return out, groups
}

// framed puts the code into a block, at whose end what the frame took is given back: a return is a branch there.
func (b *body) framed(out []byte) []byte {
	size, stack := int64(b.frame()), b.m.globals+1
	out = putSigned(append(putU32(append(out, opGlobalGet), stack), opI32Const), size)
	out = putU32(append(out, opI32Sub, opGlobalSet), stack)
	out = append(putU32(append(out, opGlobalGet), stack), opI32Const, 0, opI32LtS, opIf, noType, opUnreachable, opEnd)
	out = append(append(out, opBlock), b.m.blockOf(b.of.Results)...)
	out = append(append(out, b.out...), opEnd)
	out = putSigned(append(putU32(append(out, opGlobalGet), stack), opI32Const), size)
	return append(putU32(append(out, opI32Add, opGlobalSet), stack), opEnd)
}

// blockOf is the type of a block that takes nothing and yields these.
func (m *module) blockOf(results string) []byte {
	switch len(results) {
	case 0:
		return []byte{noType}
	case 1:
		return []byte(results)
	default:
		return putSigned(nil, int64(m.blocks[results]))
	}
}

// end puts the stretch out.
func (b *body) end() {
	if b.cost > 0 {
		b.out = b.m.take(b.out, b.cost, b.head)
	}
	b.out = append(b.out, b.stretch...)
	b.stretch, b.cost, b.head = b.stretch[:0], 0, false
}

// take appends what takes fuel, and traps when there is none left.
func (m *module) take(out []byte, cost int64, check bool) []byte {
	out = putSigned(append(putU32(append(out, opGlobalGet), m.globals), opI64Const), cost)
	out = putU32(append(out, opI64Sub, opGlobalSet), m.globals)
	if check {
		out = m.trapWithoutFuel(out)
	}
	return out
}

func (m *module) trapWithoutFuel(out []byte) []byte {
	return append(putU32(append(out, opGlobalGet), m.globals),
		opI64Const, 0, opI64LtS, opIf, noType, opUnreachable, opEnd)
}

// charging is the code of the function that takes fuel for a length in bytes, and returns it.
func (m *module) charging() []byte {
	out := putU32([]byte{0, opGlobalGet}, m.globals)
	out = append(out, opLocalGet, 0, opI64ExtendU, opI64Const, 3, opI64ShrU, opI64Sub)
	out = m.trapWithoutFuel(putU32(append(out, opGlobalSet), m.globals))
	return append(out, opLocalGet, 0, opEnd)
}

package meter

import "strings"

// limits reads the least and the most of a table or memory, and makes the most no more than there may be.
func limits(in *reader, what string, most uint32) (out []byte) {
	flags, least, says := in.byte(), in.u32(), most
	if flags > 1 {
		in.fail("a %s that is shared, or has 64 bits", what)
	}
	if flags == 1 {
		says = min(in.u32(), most)
	}
	if least > says {
		in.fail("a %s of %d, and there may be %d", what, least, says)
	}
	return putU32(putU32([]byte{1}, least), says)
}

const functionReference = 0x70

func (m *module) readTables(in *reader) []byte {
	if in.count("tables", 1) == 0 {
		return []byte{0}
	}
	if in.byte() != functionReference {
		in.fail("a table of what aren't functions")
	}
	m.table = true
	return append([]byte{1, functionReference}, limits(in, "table", m.limits.Table)...)
}

func (m *module) readMemories(in *reader) []byte {
	if in.count("memories", 1) == 0 {
		return []byte{0}
	}
	m.memory = true
	return append([]byte{1}, limits(in, "memory", m.limits.Pages)...)
}

// readGlobals adds fuel and stack.
func (m *module) readGlobals(in *reader) (out []byte) {
	m.globals = in.count("globals", maxGlobals)
	out = putU32(out, m.globals+2)
	for range m.globals {
		t, mutable := in.byte(), in.byte()
		if !numeric([]byte{t}) || mutable > 1 {
			in.fail("a global that is no number")
		}
		out = append(append(out, t, mutable), constant(in)...)
	}
	out = append(putSigned(append(out, I64[0], 1, opI64Const), m.limits.Fuel), opEnd)
	return append(putSigned(append(out, I32[0], 1, opI32Const), int64(m.limits.Stack)), opEnd)
}

// constant reads a constant expression: one number, since there are no imported globals.
func constant(in *reader) []byte {
	op := in.byte()
	follows := instructions[op].follows
	if follows < constI32 || follows > constF64 {
		in.fail("a constant that isn't just a number")
	}
	out := append([]byte{op}, number(in, follows)...)
	if in.byte() != opEnd {
		in.fail("a constant that isn't just a number")
	}
	return append(out, opEnd)
}

// number reads a constant's bytes.
func number(in *reader, of immediate) []byte {
	switch of {
	case constI32:
		return in.signed(32)
	case constI64:
		return in.signed(64)
	case constF32:
		return in.bytes(4)
	default:
		return in.bytes(8)
	}
}

// Kinds of exports.
const (
	exportFunction = 0
	exportTable    = 1
	exportMemory   = 2
	exportGlobal   = 3
)

// readExports adds fuel and stack. What the host calls must have its type.
func (m *module) readExports(in *reader) (out []byte) {
	n := in.count("exports", maxExports)
	out = putU32(out, n+2)
	m.exports = map[string]bool{}
	for range n {
		name, kind := in.name(), in.byte()
		if strings.HasPrefix(name, "reeve:") || m.exports[name] {
			in.fail("an export %q, whose name is taken", name)
		}
		i := m.export(in, name, kind)
		out = putU32(append(putName(out, name), kind), i)
		m.exports[name] = true
	}
	out = putU32(append(putName(out, FuelExport), exportGlobal), m.globals)
	return putU32(append(putName(out, StackExport), exportGlobal), m.globals+1)
}

// export reads the index of what is exported, and sees that the host's own names mean what they should.
func (m *module) export(in *reader, name string, kind byte) uint32 {
	f, ours := exported[name]
	if ours && kind != exportFunction || name == memoryExport && kind != exportMemory {
		in.fail("an export %q that is something else", name)
	}
	switch kind {
	case exportFunction:
		i := in.index("function", uint32(len(m.functions)))
		if in.err == nil && ours && m.types[m.functions[i]] != f.Signature {
			in.fail("an export %q of another type", name)
		}
		return i
	case exportTable:
		return in.index("table", count(m.table))
	case exportMemory:
		return in.index("memory", count(m.memory))
	case exportGlobal:
		return in.index("global", m.globals)
	}
	in.fail("an export %q of kind %d", name, kind)
	return 0
}

func count(there bool) uint32 {
	if there {
		return 1
	}
	return 0
}

// readStart takes none: what would run then couldn't be asked for its fuel. There is _initialize.
func (m *module) readStart(in *reader) []byte {
	in.fail("a function that runs by itself")
	return nil
}

// readElements takes the plain form: functions for the one table.
func (m *module) readElements(in *reader) (out []byte) {
	n, all := in.count("segments of elements", maxElements), uint32(0)
	out = putU32(out, n)
	for range n {
		if in.u32() != 0 || !m.table {
			in.fail("a segment of elements that isn't for the table")
		}
		out = append(append(out, 0), constant(in)...)
		length := in.count("elements", maxElements-all)
		all += length
		out = putU32(out, length)
		for range length {
			out = putU32(out, in.index("function", uint32(len(m.functions))))
		}
	}
	return out
}

func (m *module) readDataCount(in *reader) []byte { return putU32(nil, in.u32()) }

// readData takes segments that are there from the start, and those that the code asks for.
func (m *module) readData(in *reader) (out []byte) {
	n := in.count("segments of data", maxSegments)
	out = putU32(out, n)
	for range n {
		kind := in.u32()
		if kind > 1 || !m.memory {
			in.fail("a segment of data that isn't for the memory")
		}
		out = append(out, byte(kind))
		if kind == 0 {
			out = append(out, constant(in)...)
		}
		size := in.u32()
		out = append(putU32(out, size), in.bytes(size)...)
	}
	return out
}

// readCode adds the function that takes fuel.
func (m *module) readCode(in *reader) (out []byte) {
	m.bodies = in.count("functions' code", maxFunctions)
	if int(m.bodies) != len(m.functions)-int(m.imported) {
		in.fail("%d functions' code, and there are %d", m.bodies, len(m.functions)-int(m.imported))
		return nil
	}
	out = putU32(out, m.bodies+1)
	for i := range m.bodies {
		size := in.u32()
		if size > maxBody {
			in.fail("a function of %d bytes, and there may be %d", size, maxBody)
		}
		part := in.part(size)
		b := body{m: m, in: &part, of: m.types[m.functions[m.imported+i]]}
		code := b.read()
		in.join(part, "a function")
		if in.err != nil {
			return nil
		}
		if out = append(putU32(out, uint32(len(code))), code...); len(out) > maxCode {
			in.fail("more than %d bytes of code when it is measured out", maxCode)
			return nil
		}
	}
	code := m.charging()
	return append(putU32(out, uint32(len(code))), code...)
}

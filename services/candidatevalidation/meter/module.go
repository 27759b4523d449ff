package meter

import (
	"maps"
	"slices"
)

// header is how a module begins: magic and version.
const header = "\x00asm\x01\x00\x00\x00"

// module is one on its way from what it was to what is run. Indices of what is added come after those of what was
// there, and the code may name none of them: it can't read its own fuel.
type module struct {
	in      reader
	out     []byte
	imports map[string]Signature
	limits  Limits

	types     []Signature
	blocks    map[string]uint32 // type of a block that yields these, several results
	charge    uint32            // type of the function that takes fuel for a length
	imported  uint32            // functions
	functions []uint32          // their types, those of imports first
	globals   uint32
	bodies    uint32
	table     bool
	memory    bool
	exports   map[string]bool
}

// section is what is done with one. They come in the order of their ranks.
type section struct {
	rank int
	name string
	read func(m *module, in *reader) []byte
}

// sections by their id. Custom ones, 0, are left out.
var sections = map[byte]section{
	1: {1, "types", (*module).readTypes}, 2: {2, "imports", (*module).readImports},
	3: {3, "functions", (*module).readFunctions}, 4: {4, "tables", (*module).readTables},
	5: {5, "memories", (*module).readMemories}, 6: {globalRank, "globals", (*module).readGlobals},
	7: {7, "exports", (*module).readExports}, 8: {8, "start", (*module).readStart},
	9: {9, "elements", (*module).readElements}, 12: {10, "data count", (*module).readDataCount},
	10: {11, "code", (*module).readCode}, 11: {12, "data", (*module).readData},
}

const (
	globalSection = 6
	globalRank    = 6
)

// read makes out of in.
func (m *module) read() {
	if string(m.in.bytes(uint32(len(header)))) != header {
		m.in.fail("it doesn't begin as a module does")
	}
	m.out = append(make([]byte, 0, 2*len(m.in.rest)), header...)
	rank := 0
	for len(m.in.rest) > 0 {
		id := m.in.byte()
		part := m.in.part(m.in.u32())
		if id == 0 {
			continue
		}
		s, known := sections[id]
		if !known || s.rank <= rank {
			m.in.fail("a section %d isn't known, or not there", id)
			return
		}
		if rank < globalRank && s.rank > globalRank { // it has none, and gets two
			m.put(globalSection, m.readGlobals(&reader{rest: []byte{0}}))
		}
		rank = s.rank
		m.put(id, s.read(m, &part))
		m.in.join(part, s.name)
	}
	m.complete()
}

func (m *module) put(id byte, content []byte) {
	m.out = append(putU32(append(m.out, id), uint32(len(content))), content...)
}

// complete looks for what the host can't do without, always in the same order: the reason is part of the judgement.
func (m *module) complete() {
	for _, name := range slices.Sorted(maps.Keys(exported)) {
		if exported[name].needed && !m.exports[name] {
			m.in.fail("it exports no function %q of the right type", name)
		}
	}
	if !m.exports[memoryExport] {
		m.in.fail("it exports no memory called %q", memoryExport)
	}
	if int(m.bodies) != len(m.functions)-int(m.imported) {
		m.in.fail("it has %d functions, and the code of %d", len(m.functions)-int(m.imported), m.bodies)
	}
}

// numeric are the types of values that there are.
func numeric(types []byte) bool {
	return !slices.ContainsFunc(types, func(t byte) bool { return t < f64[0] || t > I32[0] })
}

// valueTypes reads the types of parameters or results.
func valueTypes(in *reader, what string, most uint32) string {
	types := in.bytes(in.count(what, most))
	if !numeric(types) {
		in.fail("%s that are no numbers", what)
	}
	return string(types)
}

const functionType = 0x60

// readTypes adds those of blocks with several results, and of the function that takes fuel.
func (m *module) readTypes(in *reader) (out []byte) {
	for range in.count("types", maxTypes) {
		if in.byte() != functionType {
			in.fail("a type that isn't a function's")
		}
		m.types = append(m.types, Signature{valueTypes(in, "parameters", maxParams),
			valueTypes(in, "results", maxResults)})
	}
	all := m.types
	m.blocks = map[string]uint32{}
	for _, t := range m.types {
		if _, known := m.blocks[t.Results]; len(t.Results) > 1 && !known {
			m.blocks[t.Results] = uint32(len(all))
			all = append(all, Signature{"", t.Results})
		}
	}
	m.charge = uint32(len(all))
	all = append(all, Signature{I32, I32})
	out = putU32(out, uint32(len(all)))
	for _, t := range all {
		out = putName(putName(append(out, functionType), t.Params), t.Results)
	}
	return out
}

// readImports lets nothing pass but the functions that the caller allows.
func (m *module) readImports(in *reader) (out []byte) {
	n := in.count("imports", maxFunctions)
	out = putU32(out, n)
	for range n {
		from, name := in.name(), in.name()
		if in.byte() != 0 {
			in.fail("it imports %q of %q, which isn't a function", name, from)
		}
		t := in.index("type", uint32(len(m.types)))
		if in.err != nil {
			return nil
		}
		if s, known := m.imports[from+"."+name]; !known || s != m.types[t] {
			in.fail("it imports the function %q of %q, which doesn't exist, or not with this type", name, from)
		}
		out = putU32(append(putName(putName(out, from), name), 0), t)
		m.functions = append(m.functions, t)
	}
	m.imported = n
	return out
}

// readFunctions adds the one that takes fuel.
func (m *module) readFunctions(in *reader) (out []byte) {
	n := in.count("functions", maxFunctions)
	out = putU32(out, n+1)
	for range n {
		t := in.index("type", uint32(len(m.types)))
		out = putU32(out, t)
		m.functions = append(m.functions, t)
	}
	return putU32(out, m.charge)
}

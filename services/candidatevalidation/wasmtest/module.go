// Package wasmtest puts modules of WebAssembly together for tests: validation code that is as small as what it shows,
// and Malicious, the table of code that means harm, each with the judgement that it must get.
package wasmtest

import "encoding/binary"

// Types of values, and of blocks without any.
const (
	I32 = 0x7f
	I64 = 0x7e
	F32 = 0x7d
	F64 = 0x7c
	Non = 0x40
)

// Function is one of a module's.
type Function struct {
	Params, Results string // their types
	Locals          string // the types of the rest
	Code            []byte // without the last end
}

// Import is a function that a module imports.
type Import struct {
	Module, Name    string
	Params, Results string
}

// Guest is validation code. The zero value has a page of memory, gives all its room for the parameters from address
// 1024 on, and judges every candidate invalid.
type Guest struct {
	Imports []Import
	// Functions come behind the imports: first the body of validate_block, then the rest.
	Functions []Function
	// Alloc and Initialize are bodies of what they are called; Initialize is exported only if there is one.
	Alloc, Initialize []byte
	// Pages and MaxPages are the memory's; 0: one, and none.
	Pages, MaxPages uint32
	// Table lists functions that can be called by number; TableSize makes it longer.
	Table     []uint32
	TableSize uint32
	// Globals are of type i32 and begin at 0.
	Globals int
	// Data lies in memory at its address.
	Data map[uint32]string
	// Section and Content are put in as they are, before the code.
	Section byte
	Content []byte
	// Exports are further functions by their names.
	Exports map[string]uint32
}

// at is where the parameters are put.
const at = 1024

// U32 is an unsigned number as it stands in a module.
func U32(n uint32) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// Signed is a signed one.
func Signed(n int64) (b []byte) {
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n)&0x7f)
}

func name(s string) []byte { return append(U32(uint32(len(s))), s...) }

// list is how many there are, and then they.
func list(items ...[]byte) []byte {
	out := U32(uint32(len(items)))
	for _, b := range items {
		out = append(out, b...)
	}
	return out
}

// Section is one, with its length.
func Section(id byte, content []byte) []byte {
	return append(append([]byte{id}, U32(uint32(len(content)))...), content...)
}

// builder gathers sections.
type builder struct {
	types [][]byte
	index map[string]uint32
}

func (b *builder) typeOf(params, results string) uint32 {
	key := params + ">" + results
	if i, known := b.index[key]; known {
		return i
	}
	i := uint32(len(b.types))
	b.index[key] = i
	b.types = append(b.types, append(append([]byte{0x60}, name(params)...), name(results)...))
	return i
}

func (g Guest) limits() []byte {
	if g.MaxPages > 0 {
		return append(append([]byte{1}, U32(max(g.Pages, 1))...), U32(g.MaxPages)...)
	}
	return append([]byte{0}, U32(max(g.Pages, 1))...)
}

// all are the functions with a body: what the host calls stands at the end.
func (g Guest) all() []Function {
	if len(g.Functions) == 0 {
		g.Functions = []Function{Validate(I64Const(0))}
	}
	alloc := g.Alloc
	if alloc == nil {
		alloc = I32Const(at)
	}
	fs := append(g.Functions[:len(g.Functions):len(g.Functions)],
		Function{Params: "\x7f", Results: "\x7f", Code: alloc})
	if g.Initialize != nil {
		fs = append(fs, Function{Code: g.Initialize})
	}
	return fs
}

// Validate is a function of validate_block's type.
func Validate(code ...[]byte) Function {
	return Function{Params: "\x7f\x7f", Results: "\x7e", Locals: "\x7f\x7f\x7e\x7e", Code: Code(code...)}
}

// Bytes is the module.
func (g Guest) Bytes() []byte {
	b := &builder{index: map[string]uint32{}}
	fs := g.all()
	var imports, functions, bodies [][]byte
	for _, i := range g.Imports {
		entry := append(append(name(i.Module), name(i.Name)...), 0)
		imports = append(imports, append(entry, U32(b.typeOf(i.Params, i.Results))...))
	}
	for _, f := range fs {
		functions = append(functions, U32(b.typeOf(f.Params, f.Results)))
		bodies = append(bodies, f.body())
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, Section(1, list(b.types...))...)
	out = append(out, Section(2, list(imports...))...)
	out = append(out, Section(3, list(functions...))...)
	if size := max(g.TableSize, uint32(len(g.Table))); size > 0 {
		out = append(out, Section(4, append([]byte{1, 0x70, 0}, U32(size)...))...)
	}
	out = append(out, Section(5, append([]byte{1}, g.limits()...))...)
	out = append(out, Section(6, g.globals())...)
	out = append(out, Section(7, g.exports(len(fs)))...)
	if g.Section == 8 {
		out = append(out, Section(8, g.Content)...)
	}
	out = append(out, Section(9, g.elements())...)
	if g.Section != 0 && g.Section != 8 {
		out = append(out, Section(g.Section, g.Content)...)
	}
	out = append(out, Section(10, list(bodies...))...)
	return append(out, Section(11, g.data())...)
}

func (f Function) body() []byte {
	var locals [][]byte
	for _, t := range []byte(f.Locals) {
		locals = append(locals, []byte{1, t})
	}
	body := append(append(list(locals...), f.Code...), End)
	return append(U32(uint32(len(body))), body...)
}

func (g Guest) globals() []byte {
	all := make([][]byte, g.Globals)
	for i := range all {
		all[i] = []byte{I32, 1, 0x41, 0, End}
	}
	return list(all...)
}

func (g Guest) exports(functions int) []byte {
	first := uint32(len(g.Imports))
	alloc := first + uint32(functions) - 1
	all := [][]byte{append(name("memory"), 2, 0)}
	export := func(n string, i uint32) { all = append(all, append(append(name(n), 0), U32(i)...)) }
	if g.Initialize != nil {
		export("_initialize", alloc)
		alloc--
	}
	export("reeve_alloc", alloc)
	export("validate_block", first)
	for n, i := range g.Exports {
		export(n, i)
	}
	return list(all...)
}

func (g Guest) elements() []byte {
	if len(g.Table) == 0 {
		return []byte{0}
	}
	out := []byte{1, 0, 0x41, 0, End}
	var all [][]byte
	for _, f := range g.Table {
		all = append(all, U32(f))
	}
	return append(out, list(all...)...)
}

func (g Guest) data() []byte {
	var all [][]byte
	for where, text := range g.Data {
		all = append(all, append(append(append([]byte{0, 0x41}, Signed(int64(int32(where)))...), End), name(text)...))
	}
	return list(all...)
}

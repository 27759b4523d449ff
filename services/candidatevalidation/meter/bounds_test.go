package meter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// modules puts sections together to one.
func modules(parts ...[]byte) []byte { return append([]byte(header), bytes.Join(parts, nil)...) }

// many is how many, and then so many of the same.
func many(n int, item ...byte) []byte {
	return append(wasmtest.U32(uint32(n)), bytes.Repeat(item, n)...)
}

var (
	nothing   = wasmtest.Section(1, []byte{1, 0x60, 0, 0}) // the type of a function without anything
	aFunction = wasmtest.Section(3, []byte{1, 0})
	aTable    = wasmtest.Section(4, []byte{1, 0x70, 0, 1})
	aMemory   = wasmtest.Section(5, []byte{1, 0, 1})
)

// withBody is a module with one function, of this code.
func withBody(locals []byte, code ...byte) []byte {
	b := append(append(locals, code...), 0x0b)
	b = append(append([]byte{1}, wasmtest.U32(uint32(len(b)))...), b...)
	export := wasmtest.Section(7, []byte{0})
	return modules(nothing, aFunction, export, wasmtest.Section(10, b))
}

func TestAModuleMayHaveSoMuchAndNoMore(t *testing.T) {
	exports := func(n int) []byte {
		out := wasmtest.U32(uint32(n))
		for i := range n {
			out = append(out, append([]byte{4}, fmt.Sprintf("%04x", i)...)...)
			out = append(out, 0, 0)
		}
		return out
	}
	for name, bound := range map[string]struct {
		most   int
		module func(n int) []byte
	}{
		"types": {maxTypes, func(n int) []byte { return modules(wasmtest.Section(1, many(n, 0x60, 0, 0))) }},
		"globals": {maxGlobals, func(n int) []byte {
			return modules(wasmtest.Section(6,
				many(n, 0x7f, 1, 0x41, 0, 0x0b)))
		}},
		"parameters": {maxParams, func(n int) []byte {
			return modules(wasmtest.Section(1, append(append([]byte{1, 0x60}, many(n, 0x7f)...), 0)))
		}},
		"results": {maxResults, func(n int) []byte {
			return modules(wasmtest.Section(1, append([]byte{1, 0x60, 0}, many(n, 0x7f)...)))
		}},
		"functions": {maxFunctions, func(n int) []byte { return modules(nothing, wasmtest.Section(3, many(n, 0))) }},
		"exports": {maxExports, func(n int) []byte {
			return modules(nothing, aFunction,
				wasmtest.Section(7, exports(n)))
		}},
		"elements": {maxElements, func(n int) []byte {
			return modules(nothing, aFunction, aTable,
				wasmtest.Section(9, append([]byte{1, 0, 0x41, 0, 0x0b}, many(n, 0)...)))
		}},
		"data segments": {maxSegments, func(n int) []byte {
			return modules(aMemory,
				wasmtest.Section(11, many(n, 1, 0)))
		}},
		"locals": {maxLocals, func(n int) []byte {
			return withBody(append(append([]byte{1}, wasmtest.U32(uint32(n))...), 0x7f))
		}},
		"bytes of a function": {maxBody, func(n int) []byte {
			return withBody([]byte{0},
				bytes.Repeat([]byte{0x01}, n-2)...)
		}},
		"blocks in one another": {maxDepth, func(n int) []byte {
			return withBody([]byte{0}, append(bytes.Repeat([]byte{0x02, 0x40}, n), bytes.Repeat([]byte{0x0b}, n)...)...)
		}},
		"targets of a branch": {maxBranches, func(n int) []byte {
			return withBody([]byte{0}, append(append([]byte{0x41, 0, 0x0e}, many(n, 0)...), 0)...)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			says := func(n int) string {
				_, err := Prepare(bound.module(n), nil, Default)
				if !errors.Is(err, ErrMalformed) { // none is complete
					t.Fatal(err)
				}
				return err.Error()
			}
			if text := says(bound.most); !strings.Contains(text, "it exports no") {
				t.Error(text)
			}
			if text := says(bound.most + 1); strings.Contains(text, "it exports no") {
				t.Errorf("%d are taken", bound.most+1)
			}
		})
	}
}

func TestMeasuredCodeMayBeSoLongAndNoLonger(t *testing.T) {
	long := wasmtest.Validate(wasmtest.Repeat(18_000, wasmtest.F32Const(0), wasmtest.Op(0x8d),
		wasmtest.Op(wasmtest.Drop)),
		wasmtest.I64Const(0))
	g := wasmtest.Guest{}
	for range 80 {
		g.Functions = append(g.Functions, long)
	}
	if _, err := Prepare(g.Bytes(), nil, Default); err != nil {
		t.Error(err)
	}
	for range 15 {
		g.Functions = append(g.Functions, long)
	}
	if _, err := Prepare(g.Bytes(), nil, Default); !errors.Is(err, ErrMalformed) ||
		!strings.Contains(err.Error(), "measured out") {
		t.Error(err)
	}
}

func TestMemoryAndTableMayBeSoLargeAndNoLarger(t *testing.T) {
	for _, c := range []struct {
		guest wasmtest.Guest
		fine  bool
	}{
		{wasmtest.Guest{Pages: Default.Pages}, true}, {wasmtest.Guest{Pages: Default.Pages + 1}, false},
		{wasmtest.Guest{TableSize: Default.Table}, true}, {wasmtest.Guest{TableSize: Default.Table + 1}, false},
		{wasmtest.Guest{Pages: 3, MaxPages: 2}, false},
	} {
		if _, err := Prepare(c.guest.Bytes(), nil, Default); (err == nil) != c.fine {
			t.Errorf("%d pages, a table of %d: %v", c.guest.Pages, c.guest.TableSize, err)
		}
	}
}

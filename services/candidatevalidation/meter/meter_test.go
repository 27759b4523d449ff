package meter_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/services/candidatevalidation/meter"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// instance is a module that runs, without what the host gives.
type instance struct {
	t   *testing.T
	mod api.Module
}

func instantiate(t *testing.T, code []byte) instance {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { r.Close(context.Background()) })
	mod, err := r.Instantiate(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	return instance{t, mod}
}

func measured(t *testing.T, code []byte) instance {
	t.Helper()
	code, err := meter.Prepare(code, nil, meter.Default)
	if err != nil {
		t.Fatal(err)
	}
	return instantiate(t, code)
}

// call calls an export; ok is false when it trapped.
func (i instance) call(name string, args ...uint64) (result uint64, ok bool) {
	i.t.Helper()
	out, err := i.mod.ExportedFunction(name).Call(i.t.Context(), args...)
	if err != nil {
		return 0, false
	}
	return out[0], true
}

func (i instance) fuel() int64 {
	return meter.Default.Fuel - int64(i.mod.ExportedGlobal(meter.FuelExport).Get())
}
func (i instance) stack() int32 { return int32(i.mod.ExportedGlobal(meter.StackExport).Get()) }

// Short names of what the code below is made of.
var (
	get, call    = wasmtest.Get, wasmtest.Call
	i32, i64, op = wasmtest.I32Const, wasmtest.I64Const, wasmtest.Op
)

const (
	addI64 = 0x7c
	subI32 = 0x6b
	eqzI32 = 0x45
)

// What a stretch costs is taken when it is entered: not what lies behind a branch that isn't taken, and each time what
// is in a loop.
func TestFuelIsTakenForWhatIsDone(t *testing.T) {
	branches := wasmtest.Validate(get(0), wasmtest.If(wasmtest.Repeat(100, i64(1), op(wasmtest.Drop))), i64(1))
	loop := wasmtest.Validate(
		wasmtest.Loop(get(0), i32(1), op(subI32), wasmtest.Tee(0), wasmtest.BrIf(0)), // six a time, and a look
		i64(1),
	)
	for name, c := range map[string]struct {
		f    wasmtest.Function
		arg  uint64
		fuel int64
	}{
		"a branch not taken": {branches, 0, 8 + 6 + 2 + 1},
		"a branch taken":     {branches, 1, 8 + 6 + 2 + 200 + 1},
		"a loop once":        {loop, 1, 8 + 6 + 1*(3+5) + 1},
		"a loop ten times":   {loop, 10, 8 + 6 + 10*(3+5) + 1},
	} {
		i := measured(t, wasmtest.Guest{Functions: []wasmtest.Function{c.f}}.Bytes())
		if _, ok := i.call("validate_block", c.arg, 0); !ok || i.fuel() != c.fuel {
			t.Errorf("%s: %d, and it should be %d", name, i.fuel(), c.fuel)
		}
	}
}

// However a function ends but by a trap, it gives back what its frame took.
func TestAFunctionGivesItsStackBack(t *testing.T) {
	ends := map[string][]byte{
		"at its end":  i64(1),
		"by a return": wasmtest.Code(i64(7), i64(1), op(wasmtest.Return)),
		"in blocks": wasmtest.Code(wasmtest.Block(wasmtest.Loop(i64(1), op(wasmtest.Return))),
			op(wasmtest.Unreachable)),
		"by a branch": wasmtest.Code(wasmtest.Block(i64(1), wasmtest.Br(1)), op(wasmtest.Unreachable)),
		"by a table": wasmtest.Code(wasmtest.Block(i64(1), i32(3), []byte{0x0e, 1, 1, 1}),
			op(wasmtest.Unreachable)),
		"in one of several": wasmtest.Code(get(0), wasmtest.If(i64(1), op(wasmtest.Return)), i64(1)),
	}
	for name, end := range ends {
		code := wasmtest.Guest{Functions: []wasmtest.Function{
			wasmtest.Validate(call(1), end), {Code: call(2)}, {},
		}}.Bytes()
		i := measured(t, code)
		for range 3 {
			if got, ok := i.call("validate_block", 1, 0); !ok || got != 1 || i.stack() != meter.Default.Stack {
				t.Errorf("%s: %d, %v, and %d of its stack are left", name, got, ok, i.stack())
			}
		}
	}
}

func TestAFunctionMayHaveSeveralResults(t *testing.T) {
	two := wasmtest.Function{Results: "\x7e\x7e",
		Code: wasmtest.Code(call(2), wasmtest.Block(i64(40), i64(2), op(wasmtest.Return)), op(wasmtest.Unreachable))}
	i := measured(t, wasmtest.Guest{Functions: []wasmtest.Function{wasmtest.Validate(call(1), op(addI64)), two,
		{}}}.Bytes())
	if got, ok := i.call("validate_block", 0, 0); !ok || got != 42 || i.stack() != meter.Default.Stack {
		t.Error(got, ok)
	}
}

// The example in C is compiled code with loops, memory, calls and returns: measured, it computes what it did.
func TestMeasuredCodeComputesWhatItDid(t *testing.T) {
	before, after := instantiate(t, wasmtest.Adder(t)), measured(t, wasmtest.Adder(t))
	rapid.Check(t, func(r *rapid.T) {
		params := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 300),
			rapid.Map(rapid.SliceOfN(rapid.Uint64(), 0, 20), numbers)).Draw(r, "params")
		a, b := before.judges(params), after.judges(params)
		if a != b {
			r.Fatalf("%q, and then %q", a, b)
		}
	})
}

// numbers are parameters of the adder: the first is the head.
func numbers(list []uint64) []byte {
	b := []byte{1, 0, 0, 0, 8}
	for i, n := range list {
		if b = binary.BigEndian.AppendUint64(b, n); i == 0 {
			b = append(b, make([]byte, 40)...)
		}
	}
	return b
}

func (i instance) judges(params []byte) string {
	i.t.Helper()
	at, ok := i.call("reeve_alloc", uint64(len(params)))
	if !ok || !i.mod.Memory().Write(uint32(at), params) {
		return "no room"
	}
	out, ok := i.call("validate_block", at, uint64(len(params)))
	if !ok {
		return "a trap"
	}
	b, _ := i.mod.Memory().Read(uint32(out>>32), uint32(out))
	return string(b)
}

// Whatever the bytes are, they are refused in words, or yield a module that the compiler takes if it took the bytes:
// what is added has the types of what is around it.
func FuzzPrepare(f *testing.F) {
	f.Add(wasmtest.Adder(f))
	for _, c := range wasmtest.Malicious() {
		if len(c.Code) < 4<<10 {
			f.Add(c.Code)
		}
	}
	cfg := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD).
		WithMemoryLimitPages(65536)
	f.Fuzz(func(t *testing.T, code []byte) {
		out, err := meter.Prepare(code, sandbox.Imports(), meter.Default)
		if err != nil {
			if !errors.Is(err, meter.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		r := wazero.NewRuntimeWithConfig(t.Context(), cfg)
		defer r.Close(t.Context())
		if _, err := r.CompileModule(t.Context(), code); err != nil {
			return // the compiler refuses it afterwards, too, or not: custom sections are gone
		}
		if _, err := r.CompileModule(t.Context(), out); err != nil {
			t.Errorf("%x became %x: %v", code, out, err)
		}
	})
}

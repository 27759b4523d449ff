package sandbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/tetratelabs/wazero"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/meter"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// short is less fuel than a run has, so that what never ends does so soon.
var short = func() meter.Limits {
	l := meter.Default
	l.Fuel = 1 << 22
	return l
}()

// machine is one of this engine for the code; nil, and why, when the code is malformed.
func machine(t testing.TB, engine wazero.RuntimeConfig, code []byte, limits meter.Limits) (*Machine, error) {
	t.Helper()
	module, err := meter.Prepare(code, Imports(), limits)
	if err != nil {
		return nil, err
	}
	m, err := compile(t.Context(), engine, module, "")
	if err != nil {
		return nil, err
	}
	m.fuel = limits.Fuel
	t.Cleanup(func() { m.Close(t.Context()) })
	return m, nil
}

// judged is how code ends in a machine of this engine.
func judged(t *testing.T, engine wazero.RuntimeConfig, code []byte, limits meter.Limits) job.Answer {
	t.Helper()
	m, err := machine(t, engine, code, limits)
	if err != nil {
		return job.Answer{Kind: job.Malformed, Body: []byte(err.Error())}
	}
	return m.Run(t.Context(), guest.Params{ParentHead: []byte("head"), BlockData: []byte("block")}.Encode())
}

func TestAMaliciousGuestGetsItsJudgement(t *testing.T) {
	for _, c := range wasmtest.Malicious() {
		t.Run(c.Name, func(t *testing.T) {
			a := judged(t, engine(), c.Code, short)
			if a.Kind != job.Kind(c.Want) {
				t.Errorf("%c: %s, and it should be %c", a.Kind, a.Body, c.Want)
			}
			if c.Head == "" {
				return
			}
			if out, err := candidate.DecodeCommitments(a.Body); err != nil || string(out.HeadData) != c.Head {
				t.Errorf("%v: its head is %x, and should be %x", err, out.HeadData, c.Head)
			}
		})
	}
}

// What no two machines have in common but the code is an engine: the interpreter is another one altogether. It comes to
// the same outputs, the same judgement and the same fuel.
func TestAnotherEngineComesToTheSame(t *testing.T) {
	for _, c := range wasmtest.Malicious() {
		if c.Deep { // the interpreter has no more than two thousand calls in one another
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			a, b := judged(t, engine(), c.Code, short), judged(t, wazero.NewRuntimeConfigInterpreter(), c.Code, short)
			if a.Kind != b.Kind || a.Fuel != b.Fuel || !bytes.Equal(a.Body, b.Body) {
				t.Errorf("%c %d %q, and then %c %d %q", a.Kind, a.Fuel, a.Body, b.Kind, b.Fuel, b.Body)
			}
		})
	}
}

// The machine's own stack has a bound, too, in bytes, which depends on its instructions. Code must never come near it:
// here it is given four times the stack, and still that is what it has too little of.
func TestTheStackOfTheMachineIsNeverWhatEnds(t *testing.T) {
	limits := meter.Default
	limits.Stack *= 4
	for _, c := range wasmtest.Malicious() {
		if !c.Deep {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			a := judged(t, engine(), c.Code, limits)
			if a.Kind != job.Trapped || !strings.Contains(string(a.Body), "used up its stack") {
				t.Errorf("%c %s", a.Kind, a.Body)
			}
		})
	}
}

func TestOrdinaryRecursionIsDeepEnough(t *testing.T) {
	// f(n) is 0 for 0, and 1 + f(n-1)
	sum := wasmtest.Function{Params: "\x7f", Results: "\x7e", Code: wasmtest.Code(
		wasmtest.Get(0), wasmtest.Op(0x45), wasmtest.If(wasmtest.I64Const(0), wasmtest.Op(wasmtest.Return)),
		wasmtest.Get(0), wasmtest.I32Const(1), wasmtest.Op(0x6b), wasmtest.Call(1), wasmtest.I64Const(1),
		wasmtest.Op(0x7c),
	)}
	code := wasmtest.Guest{Functions: []wasmtest.Function{
		wasmtest.Validate(wasmtest.I32Const(20_000), wasmtest.Call(1), wasmtest.Set(4), wasmtest.Outputs(4)), sum,
	}}.Bytes()
	a := judged(t, engine(), code, meter.Default)
	if a.Kind != job.Returned || binary.LittleEndian.Uint64(a.Body[11:]) != 20_000 {
		t.Errorf("%c %q", a.Kind, a.Body)
	}
}

// sums are the examples' parameters: a head and numbers to add to it.
func sums(head uint64, numbers ...uint64) []byte {
	p := guest.Params{ParentHead: binary.BigEndian.AppendUint64(nil, head)}
	for _, n := range numbers {
		p.BlockData = binary.BigEndian.AppendUint64(p.BlockData, n)
	}
	return p.Encode()
}

func TestTheExamplesInGoAndInCAreTheSamePara(t *testing.T) {
	for name, code := range map[string][]byte{"C": wasmtest.Adder(t), "Go": wasmtest.Build(t, "examples/adder")} {
		m, err := machine(t, engine(), code, meter.Default)
		if err != nil {
			t.Fatal(name, err)
		}
		a := m.Run(t.Context(), sums(40, 1, 1))
		want, err := candidate.Commitments{HeadData: binary.BigEndian.AppendUint64(nil, 42)}.Encode()
		if err != nil || a.Kind != job.Returned || !bytes.Equal(a.Body, want) {
			t.Errorf("%s: %c %q", name, a.Kind, a.Body)
		}
		for _, nonsense := range [][]byte{nil, sums(40)[:20], append(sums(40), 1)} {
			if a := m.Run(t.Context(), nonsense); a.Kind != job.Declined {
				t.Errorf("%s: %c %q of %x", name, a.Kind, a.Body, nonsense)
			}
		}
	}
}

// Each run is in an instance of its own, and finds the same world.
func TestAProgramThatAsksForAllThatDiffersFindsTheSame(t *testing.T) {
	code := wasmtest.Build(t, "sandbox/testdata/strange")
	var answers []job.Answer
	for _, e := range []wazero.RuntimeConfig{engine(), wazero.NewRuntimeConfigInterpreter()} {
		m, err := machine(t, e, code, meter.Default)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			answers = append(answers, m.Run(t.Context(), guest.Params{}.Encode()))
		}
	}
	for _, a := range answers {
		if first := answers[0]; a.Kind != job.Returned || a.Fuel != first.Fuel || !bytes.Equal(a.Body, first.Body) {
			t.Errorf("%c %d %q, and the first time %c %d %q", a.Kind, a.Fuel, a.Body, first.Kind, first.Fuel,
				first.Body)
		}
	}
	if !slices.ContainsFunc(answers, func(a job.Answer) bool { return bytes.Contains(a.Body, []byte("1970-01-01")) }) {
		t.Errorf("%q", answers[0].Body)
	}
}

func TestAProgramInGoThatGoesWrongIsJudged(t *testing.T) {
	m, err := machine(t, engine(), wasmtest.Build(t, "sandbox/testdata/strange"), meter.Default)
	if err != nil {
		t.Fatal(err)
	}
	for block, says := range map[string]string{
		"panic": "index out of range", "deadlock": "all goroutines are asleep",
		"exit": "ended itself with 0", "memory": "out of memory",
	} {
		a := m.Run(t.Context(), guest.Params{BlockData: []byte(block)}.Encode())
		if a.Kind != job.Trapped || !strings.Contains(string(a.Body), says) {
			t.Errorf("%s: %c %q, and it should say %q", block, a.Kind, a.Body, says)
		}
	}
}

func TestCodeMayBePacked(t *testing.T) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	pack := func(b []byte) []byte { return e.EncodeAll(b, []byte(packed)) }
	adder := wasmtest.Adder(t)
	if got, err := Unpack(pack(adder)); err != nil || !bytes.Equal(got, adder) {
		t.Error(err)
	}
	if got, err := Unpack(adder); err != nil || !bytes.Equal(got, adder) {
		t.Error(err)
	}
	most := make([]byte, job.MaxCode)
	if got, err := Unpack(pack(most)); err != nil || len(got) != len(most) {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		code []byte
		want error
	}{
		"a byte too many":                 {append(most, 0), ErrTooLarge},
		"a byte too many when unpacked":   {pack(append(most, 0)), ErrTooLarge},
		"a bomb":                          {pack(make([]byte, 1<<30)), ErrTooLarge},
		"a package that isn't one":        {[]byte(packed + "nonsense"), ErrMalformed},
		"a package that ends too early":   {pack(adder)[:500], ErrMalformed},
		"a beginning that looks like one": {[]byte(packed[:5]), nil},
	} {
		if _, err := Unpack(c.code); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const (
	wasi    = "wasi_snapshot_preview1"
	fdWrite = "fd_write"
)

// writing is code that writes n pieces of its memory, of so many bytes each, to the standard error output, and then
// traps.
func writing(n, size int32) []byte {
	pieces := wasmtest.Code()
	for i := range min(n, 8) {
		at := 16384 + 8*i
		pieces = wasmtest.Code(pieces, wasmtest.I32Const(at), wasmtest.I32Const(32768), []byte{0x36, 2, 0},
			wasmtest.I32Const(at+4), wasmtest.I32Const(size), []byte{0x36, 2, 0})
	}
	return wasmtest.Guest{
		Imports: []wasmtest.Import{{Module: wasi, Name: fdWrite, Params: "\x7f\x7f\x7f\x7f", Results: "\x7f"}},
		Functions: []wasmtest.Function{wasmtest.Validate(pieces, wasmtest.I32Const(2), wasmtest.I32Const(16384),
			wasmtest.I32Const(n),
			wasmtest.I32Const(0), wasmtest.Call(0), wasmtest.Op(0xad), wasmtest.Set(4), wasmtest.Get(4),
			wasmtest.Op(0x50),
			wasmtest.If(wasmtest.Op(wasmtest.Unreachable)), wasmtest.Outputs(4))},
		Data: map[uint32]string{32768: strings.Repeat("word ", 200)},
	}.Bytes()
}

func TestWhatCodeSaysIsRememberedInPart(t *testing.T) {
	a := judged(t, engine(), writing(8, 1000), short)
	if a.Kind != job.Trapped || !strings.Contains(string(a.Body), `it said "word word`) ||
		len(a.Body) > job.MostDetail {
		t.Errorf("%c %d %s", a.Kind, len(a.Body), a.Body)
	}
	m, err := machine(t, engine(), writing(8, 1000), short)
	if err != nil {
		t.Fatal(err)
	}
	m.Run(t.Context(), nil)
	if len(m.world.said) != mostSaid {
		t.Errorf("%d bytes are remembered", len(m.world.said))
	}
}

func TestOfPiecesAndOfClocksSoManyAreTaken(t *testing.T) {
	if a := judged(t, engine(), writing(mostItems, 0), short); a.Kind != job.Trapped { // it was written
		t.Errorf("%c %s", a.Kind, a.Body)
	}
	if a := judged(t, engine(), writing(mostItems+1, 0), short); a.Kind != job.Returned || a.Body[11] != badValue {
		t.Errorf("%c %q", a.Kind, a.Body)
	}
}

// Of several clocks the earliest has come, and that is the time from then on.
func TestAClockThatIsWaitedForHasCome(t *testing.T) {
	subscription := func(user byte, kind byte, timeout uint64, flags byte) []byte {
		s := make([]byte, subscriptionSize)
		s[0], s[kindAt], s[flagsAt] = user, kind, flags
		binary.LittleEndian.PutUint64(s[timeoutAt:], timeout)
		return s
	}
	w := newWorld()
	events := w.wait(slices.Concat(subscription(1, 0, 5000, 0), subscription(2, 0, firstTime+3000, 1),
		subscription(3, 1, 0, 0)))
	if len(events) != eventSize || events[0] != 2 || w.now != firstTime+3000 {
		t.Errorf("%x, at %d", events, w.now)
	}
	if events = w.wait(subscription(4, 0, 1, 1)); events[0] != 4 || w.now != firstTime+3000 {
		t.Errorf("time went back to %d", w.now)
	}
	if events = w.wait(subscription(5, 2, 0, 0)); events[0] != 5 || events[errorAt] != badFile ||
		events[eventKindAt] != 2 {
		t.Errorf("%x", events)
	}
}

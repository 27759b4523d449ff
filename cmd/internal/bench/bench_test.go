package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRatiosAreTakenPairByPair(t *testing.T) {
	// The machine was ten times slower in the second round, for both: pairs don't notice, medians of sides would.
	ours, peer := []float64{1, 20, 1}, []float64{2, 20, 1}
	if got, want := Paired(ours, peer), (Ratio{Median: 1, Min: 0.5, Max: 1}); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestARoundWithoutAPeerFigureIsLeftOut(t *testing.T) {
	if got, want := Paired([]float64{1, 4}, []float64{0, 2}), (Ratio{2, 2, 2}); got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
	if got := Paired([]float64{1}, nil); got != (Ratio{}) {
		t.Fatalf("got %v from nothing", got)
	}
}

func TestHalfTheValuesLieOnEachSideOfTheMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1e9), 1, 20).Draw(t, "values")
		median, below, above := Median(values), 0, 0
		for _, v := range values {
			if v < median {
				below++
			}
			if v > median {
				above++
			}
		}
		if below > len(values)/2 || above > len(values)/2 {
			t.Fatalf("median %v of %v", median, values)
		}
	})
}

func TestSidesPlayInTurnAndEverySecondRoundBackwards(t *testing.T) {
	var order strings.Builder
	side := func(name string) func() (int, error) {
		return func() (int, error) {
			order.WriteString(name)
			return order.Len(), nil
		}
	}
	figures, err := InTurn(3, side("a"), side("b"))
	if err != nil {
		t.Fatal(err)
	}
	if order.String() != "abbaab" {
		t.Fatalf("played %s", order.String())
	}
	if diff := cmp.Diff([][]int{{1, 4, 5}, {2, 3, 6}}, figures); diff != "" {
		t.Fatal(diff)
	}
}

func TestAFailedRoundEndsTheComparison(t *testing.T) {
	broken := errors.New("broken")
	if _, err := InTurn(2, func() (int, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

func TestARatioIsJudgedByItsMedianAndAFigureWithoutPeerByItself(t *testing.T) {
	cost := Target{Floor: AtMost(0.8), Aim: AtMost(0.5)}
	for _, c := range []struct {
		name        string
		row         Row
		met, aimMet bool
	}{
		{"within the aim", Against("ask", "µs", "nats", cost, []float64{4, 4, 30}, []float64{10, 10, 10}), true, true},
		{"within the floor", Against("ask", "µs", "nats", cost, []float64{7}, []float64{10}), true, false},
		{"missed", Against("ask", "µs", "nats", cost, []float64{9}, []float64{10}), false, false},
		{"more is better", Against("rate", "/s", "nats", Target{Floor: AtLeast(2)}, []float64{30}, []float64{10}),
			true, false},
		{"alone", Absolute("memory", "MiB", Target{Floor: AtMost(150)}, []float64{149}), true, false},
		{"alone and missed", Absolute("memory", "MiB", Target{Floor: AtMost(150)}, []float64{151}), false, false},
		{"never measured", Absolute("memory", "MiB", Target{Floor: AtMost(150)}, nil), false, false},
		{"nothing asked of it", Absolute("p50", "µs", Target{}, []float64{5}), true, false},
	} {
		if c.row.Met != c.met || c.row.AimMet != c.aimMet {
			t.Errorf("%s: met %v, aim %v", c.name, c.row.Met, c.row.AimMet)
		}
	}
}

func document() Document {
	return Document{
		Bench: "bus", When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Machine: "2 × test",
		Rows: []Row{
			Against("ask 64 B p50", "µs", "nats", Target{AtMost(0.8), AtMost(0.5)}, []float64{40, 50, 45},
				[]float64{100, 100, 100}),
			Absolute("one-way 64 B", "/s", Target{Floor: AtLeast(2e6)}, []float64{1_900_000}),
		},
	}
}

func TestTheDocumentReadsBackAsItWasWritten(t *testing.T) {
	var text bytes.Buffer
	if err := document().WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"figure"`, `"ours"`, `"peer"`, `"peerName"`, `"ratio"`, `"ratioMin"`, `"ratioMax"`,
		`"target": "≤ 0.8×"`, `"met"`, `"unit"`, `"n": 3`, `"bench": "bus"`, `"when": "2026-01-02T03:04:05Z"`,
		`"machine"`} {
		if !strings.Contains(text.String(), field) {
			t.Errorf("%s is missing in %s", field, text.String())
		}
	}
	back, err := Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document(), back); diff != "" {
		t.Fatal(diff)
	}
}

func TestTheTableMarksWhatWasMissed(t *testing.T) {
	var text bytes.Buffer
	if err := document().WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	met, missed := strings.Fields(lines[len(lines)-2]), strings.Fields(lines[len(lines)-1])
	if met[len(met)-2] != "aim" || missed[len(missed)-2] != "NO" {
		t.Fatal(text.String())
	}
	if !strings.Contains(text.String(), "0.45×") || !strings.Contains(text.String(), "1.90 M/s") {
		t.Fatal(text.String())
	}
}

func TestAmountsHaveThreeDigits(t *testing.T) {
	for value, want := range map[float64]string{0: "0 µs", 0.0123: "0.0123 µs", 4.567: "4.57 µs", 123.4: "123 µs",
		45_678: "45.7 kµs", 2.3e6: "2.30 Mµs"} {
		if got := Amount(value, "µs"); got != want {
			t.Errorf("%v: got %q, want %q", value, got, want)
		}
	}
}

func TestComparingShowsWhatChangedWhatWentAndWhatCame(t *testing.T) {
	before, after := document(), document()
	after.Machine = "4 × test"
	after.Rows[0] = Against("ask 64 B p50", "µs", "nats", Target{Floor: AtMost(0.8)}, []float64{90}, []float64{100})
	after.Rows[1].Figure = "one-way 1 KiB"
	var text bytes.Buffer
	if err := WriteChanges(&text, before, after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4 × test", "+100 %", "aim → NO", "gone", "one-way 1 KiB"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add([]byte(`{"bench":"bus","rows":[{"figure":"x","ours":1e400}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		Read(bytes.NewReader(data)) //nolint:errcheck // noise may be refused
	})
}

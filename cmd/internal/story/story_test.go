package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
)

var (
	candidate = primitives.Hash{0xca}
	begin     = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
)

// node reads what a node remembers: one step in a line, as "milliseconds part what" and perhaps "< message of part".
func node(t *testing.T, name, lines string) *gateway.Steps {
	t.Helper()
	n := &gateway.Steps{Node: name}
	for line := range strings.Lines(lines) {
		line, cause, _ := strings.Cut(strings.TrimSpace(line), " < ")
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 {
			continue
		}
		var ms int
		if _, err := fmt.Sscan(words[0], &ms); err != nil {
			t.Fatal(err)
		}
		at := begin.Add(time.Duration(ms) * time.Millisecond)
		s := gateway.Step{At: at, About: candidate, Part: words[1], What: words[2]}
		s.Message, s.From, _ = strings.Cut(cause, " of ")
		n.Steps = append(n.Steps, s)
	}
	return n
}

// tell is the story from what nodes remember.
func tell(t *testing.T, nodes []*gateway.Steps, unheard ...string) *Story {
	t.Helper()
	s, err := Of(candidate.String()[:8], nodes, unheard...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// printed is the story as text, with one space between cells.
func printed(s *Story) string {
	var text strings.Builder
	s.Print(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				text.WriteByte(' ')
			}
			fmt.Fprint(&text, c)
		}
		text.WriteByte('\n')
	})
	return text.String()
}

func TestTheWholeStoryOfACandidate(t *testing.T) {
	v1 := node(t, "v1", `
		2 candidate-selection propose < Collation of collator
		3 candidate-backing second < Second of candidate-selection
		5 candidate-validation validate < Validate of candidate-backing
		9 availability-store store < StoreAvailableData of candidate-backing
		12 candidate-backing seconded < Second of candidate-selection
		30 candidate-backing back < Statement of statement-distribution
		500 availability-store core
		501 bitfield-signing bitfield
		1000 availability-store include
		1100 availability-store final`)
	v2 := node(t, "v2", `
		14 candidate-backing statement < Statement of statement-distribution
		25 candidate-backing valid < Statement of statement-distribution
		26 candidate-backing statement < Statement of statement-distribution
		502 bitfield-signing bitfield
		504 bitfield-signing bitfield`)
	collator := node(t, "c1", "0 collator offer")
	want := `candidate ` + candidate.String() + `
first seen 2030-01-02 03:04:05.000 UTC
reached final

AFTER NODE PART STEP BECAUSE OF
0.0 ms c1 collator offer -
2.0 ms v1 candidate-selection propose Collation of collator
3.0 ms v1 candidate-backing second Second of candidate-selection
5.0 ms v1 candidate-validation validate Validate of candidate-backing
9.0 ms v1 availability-store store StoreAvailableData of candidate-backing
12.0 ms v1 candidate-backing seconded Second of candidate-selection
14.0 ms v2 candidate-backing statement, 2 times Statement of statement-distribution
25.0 ms v2 candidate-backing valid Statement of statement-distribution
30.0 ms v1 candidate-backing back Statement of statement-distribution
500.0 ms v1 availability-store core -
501.0 ms v1 bitfield-signing bitfield -
502.0 ms v2 bitfield-signing bitfield, 2 times -
1000.0 ms v1 availability-store include -
1100.0 ms v1 availability-store final -
`
	if diff := cmp.Diff(want, printed(tell(t, []*gateway.Steps{v1, v2, collator}))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHowFarACandidateHasComeAndWhatItLacks(t *testing.T) {
	const noChunks = "bitfields: 0 of 4 validators say that they hold their chunk, and 3 must"
	for _, c := range []struct{ v1, v2, reached, lacks string }{
		{"", "", "nothing", forgotten},
		{"1 collator offer", "", "submitted by its collator", notChosen},
		{"1 collator offer\n2 candidate-selection propose", "", "chosen", notTaken},
		{"2 candidate-backing second", "", "known to its group", noProof},
		{"3 candidate-validation validate", "", "being validated", noVerdict},
		{"4 availability-store store", "", "stored by who validates it", noVote},
		{"", "2 statement-distribution statement", "voted on", "group: none of these nodes has voted"},
		{"5 candidate-backing seconded", "", "voted on", "group: seconded by v1"},
		{"5 candidate-backing seconded", "6 candidate-backing invalid", "voted on",
			"seconded by v1; called invalid by v2"},
		{"7 candidate-backing back", "7 candidate-backing back", "backed by its group", noCore},
		{"8 availability-store core", "", "on a core", noChunks},
		{"8 availability-store core\n9 bitfield-signing bitfield", "9 availability-store chunk", "on a core",
			"bitfields: 1 of 4 validators say that they hold their chunk, and 3 must: v1"},
		{"9 bitfield-signing bitfield\n20 availability-store time out", "", "on a core",
			"it was dropped from its core, because too few chunks came in time: 1 of 4"},
		{"10 availability-store include", "", "included", notFinal},
		{"", "11 availability-store final", "final", ""},
		// What comes late, or has been forgotten by who began, is no step back.
		{"", "3 candidate-backing second\n2 availability-store include", "included", notFinal},
	} {
		t.Run(c.v1+" "+c.v2, func(t *testing.T) {
			quiet := node(t, "v3", "")
			s := tell(t, []*gateway.Steps{node(t, "v1", c.v1), node(t, "v2", c.v2), quiet}, "v4")
			lacks := strings.Contains(s.Missing, c.lacks) && (s.Missing == "") == (c.lacks == "")
			if s.Reached != c.reached || !lacks {
				t.Errorf("reached %q, missing %q", s.Reached, s.Missing)
			}
		})
	}
}

func TestEnoughBitfieldsWaitForABlock(t *testing.T) {
	var nodes []*gateway.Steps
	for _, name := range []string{"v1", "v2", "v3"} {
		nodes = append(nodes, node(t, name, "1 bitfield-signing bitfield"))
	}
	if s := tell(t, nodes, "v4"); !strings.HasPrefix(s.Missing, "a block with their bitfields: 3 of 4") {
		t.Error(s.Missing)
	}
}

func TestWhoDoesNotAnswerIsNamed(t *testing.T) {
	n := node(t, "v1", "")
	n.Silent = []string{"availability-store"}
	want := "no answer v2, v1/availability-store\n"
	got := printed(tell(t, []*gateway.Steps{n}, "v2"))
	if !strings.HasSuffix(got, want) || strings.Contains(got, "AFTER") {
		t.Errorf("printed\n%s", got)
	}
}

func TestEveryStageHasAPlaceOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, st := range stages {
		for _, thing := range st.things {
			if seen[thing] {
				t.Errorf("%s stands twice", thing)
			}
			seen[thing] = true
		}
	}
}

func TestWhatSeveralHashesBeginWithTellsNone(t *testing.T) {
	one, other := node(t, "v1", "1 candidate-backing second"), node(t, "v2", "1 candidate-backing second")
	other.Steps[0].About[31] = 1
	_, err := Of("ca000000", []*gateway.Steps{one, other})
	if err == nil || !strings.Contains(err.Error(), other.Steps[0].About.String()) {
		t.Error(err)
	}
	// Without any step the name is what was asked for.
	if s, err := Of("ca000000", nil); err != nil || s.Candidate != "ca000000" {
		t.Errorf("%v, %v", s, err)
	}
}

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// remember has the node remember the block that the council has decided, and the votes of the next height.
func (c *council) remember(t *testing.T) *council {
	begin := time.Unix(1000, 0)
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	id, rival := c.decide(t).Header.ID(), primitives.Hash{0xab}
	c.serve(t, c.join(t), gateway.Config{Why: func(_ context.Context, chain, name string) (*gateway.Why, error) {
		w := &gateway.Why{Chain: chain, Certificates: 100}
		for i, missing := range []uint32{100, 50, 51, 0} {
			w.Absences = append(w.Absences, gateway.Absence{Validator: c.Validators[i].Name, Missing: missing})
		}
		switch name {
		case id.String(), "5":
			w.Height, w.Block, w.State = 5, id, "accepted"
			w.Blocks = []gateway.IssuedBlock{{Block: id, Proposer: "v2", From: "v2", Came: at(0), Issued: at(2)}}
			prefer := []gateway.Preference{{Block: id, Units: 9}}
			w.Polls = []gateway.Poll{{Began: at(3), Preferences: prefer, Missing: 1}}
			w.Votes = []gateway.Vote{
				{Validator: "v2", Phase: "prepare", Block: id, Seen: at(4)},
				{Validator: "v3", Phase: "prepare", Seen: at(5)},
				{Validator: "v4", Round: 1, Phase: "commit", Block: id, Seen: at(12)},
				{Validator: "v1", Phase: "commit", Block: rival, Seen: at(20), Late: true},
			}
			w.Decision = &gateway.Decision{Block: id, Round: 1, Decided: at(13), Durable: at(15)}
			w.Decision.Signed = []string{"v2", "v3", "v4"}
		case "next":
			w.Height = 6
			w.Standing = &gateway.Standing{Round: 3, Locked: rival, Begun: true, VotesMissing: []string{"v1", "v4"}}
		default:
			return nil, gateway.ErrNoBlock
		}
		return w, nil
	}})
	return c
}

func TestWhyABlockWasDecidedIsPrintedVoteByVote(t *testing.T) {
	c := newCouncil(t.TempDir()).remember(t)
	id := c.decide(t).Header.ID()
	for _, name := range []string{id.String(), "5", "latest"} {
		code, out, errs := command(t, c.dir, "why", "block", name)
		if code != errcode.OK {
			t.Fatal(errs)
		}
		lines := strings.Split(out, "\n")
		for _, want := range []string{
			"state accepted", "decided " + id.String(), "in round 1, signed by v2, v3, v4",
			"after 13.0 ms, durable after 15.0 ms",
			"0.0 ms " + id.Short() + " v2 0 v2 2.0 ms", "3.0 ms prefer " + id.Short() + " 9", "3.0 ms no answer 1",
			"4.0 ms v2 0 prepare " + id.Short(), "5.0 ms v3 0 prepare nothing",
			"12.0 ms v4 1 commit " + id.Short() + " locked",
			"20.0 ms v1 0 commit " + primitives.Hash{0xab}.Short() + " too late",
		} {
			if !hasLine(lines, want) {
				t.Errorf("%s: no line %q in\n%s", name, want, out)
			}
		}
	}
	_, out, _ := command(t, c.dir, "why", "block", "5", "-o", "json")
	var w gateway.Why
	if err := json.Unmarshal([]byte(out), &w); err != nil || len(w.Votes) != 4 || w.Decision.Round != 1 {
		t.Errorf("%s, %v", out, err)
	}
	for name, code := range map[string]errcode.Code{"7": errcode.Failed, "nonsense": errcode.Usage} {
		if got, _, errs := command(t, c.dir, "why", "block", name); got != code {
			t.Errorf("block %s: exit code %d, %s", name, got, errs)
		}
	}
}

// hasLine tells whether a line has these words, whatever the space between them.
func hasLine(lines []string, want string) bool {
	for _, line := range lines {
		if strings.Join(strings.Fields(line), " ") == want {
			return true
		}
	}
	return false
}

func TestWhoseVotesAreMissingIsPrintedOfTheHeightThatIsDecidedAndOfTheLast(t *testing.T) {
	c := newCouncil(t.TempDir()).remember(t)
	_, out, _ := command(t, c.dir, "why", "block", "next")
	locked := "being decided round 3, locked on " + primitives.Hash{0xab}.Short()
	for _, want := range []string{locked, "votes missing v1, v4"} {
		if !hasLine(strings.Split(out, "\n"), want) {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
	_, out, errs := command(t, c.dir, "chain", "info")
	for _, want := range []string{"VOTES MISSING", "v1, v4", "v1 from 100 of 100, v3 from 51 of 100  "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q isn't in\n%s%s", want, out, errs)
		}
	}
	_, out, _ = command(t, c.dir, "chain", "info", "-o", "json")
	var list []chainState
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 || list[0].Height != 5 {
		t.Fatal(out, err)
	}
	f := list[0].Finality
	if f.Round != 3 || len(f.VotesMissing) != 2 || len(f.Absences) != 4 || f.Certificates != 100 {
		t.Errorf("%s", out)
	}
}

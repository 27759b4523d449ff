package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/cmd/internal/story"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func TestWhatBecameOfACandidateIsPrintedStepByStep(t *testing.T) {
	c := newCouncil(t.TempDir())
	c.join(t)
	candidate, begin := primitives.Hash{0xca}, time.Unix(1000, 0)
	s := httptest.NewServer(gateway.New(gateway.Config{
		Steps: func(_ context.Context, about primitives.Hash) (*gateway.Steps, error) {
			if about != candidate {
				return nil, errors.New("too many ask at once")
			}
			return &gateway.Steps{Node: "v1", About: about, Steps: []gateway.Step{
				{At: begin, Part: "candidate-backing", What: "second", Message: "Second", From: "candidate-selection"},
				{At: begin.Add(3 * time.Millisecond), Part: "candidate-backing", What: "seconded"},
			}}, nil
		},
	}).Monitoring())
	t.Cleanup(s.Close)
	t.Setenv("REEVE_METRICS_LISTEN", strings.TrimPrefix(s.URL, "http://"))

	code, out, errs := command(t, c.dir, "why", "candidate", candidate.String())
	if code != errcode.OK {
		t.Fatal(errs)
	}
	for _, want := range []string{
		"candidate " + candidate.String(), "reached voted on",
		"0.0 ms v1 candidate-backing second Second of candidate-selection", "3.0 ms v1 candidate-backing seconded -",
	} {
		if !hasLine(strings.Split(out, "\n"), want) {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
	if !strings.Contains(out, "half of its group: seconded by v1") {
		t.Error(out)
	}
	_, out, _ = command(t, c.dir, "why", "candidate", candidate.String(), "-o", "json")
	var told story.Story
	if err := json.Unmarshal([]byte(out), &told); err != nil || len(told.Steps) != 2 || told.Candidate != candidate {
		t.Errorf("%s, %v", out, err)
	}
	for name, want := range map[string]errcode.Code{
		"nonsense": errcode.Usage, (primitives.Hash{1}).String(): errcode.Unreachable,
	} {
		if got, _, errs := command(t, c.dir, "why", "candidate", name); got != want {
			t.Errorf("%s: exit code %d, %s", name, got, errs)
		}
	}
}

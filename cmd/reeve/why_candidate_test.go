package main

import (
	"bytes"
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
		Steps: func(_ context.Context, about []byte) (*gateway.Steps, error) {
			if !bytes.HasPrefix(candidate[:], about) {
				return nil, errors.New("too many ask at once")
			}
			second := gateway.Step{At: begin, About: candidate, Part: "candidate-backing", What: "second"}
			second.Message, second.From = "Second", "candidate-selection"
			vote := gateway.Step{At: begin.Add(3 * time.Millisecond), About: candidate, Part: second.Part}
			vote.What = "seconded"
			return &gateway.Steps{Node: "v1", Steps: []gateway.Step{second, vote}}, nil
		},
	}).Monitoring())
	t.Cleanup(s.Close)
	t.Setenv("REEVE_METRICS_LISTEN", strings.TrimPrefix(s.URL, "http://"))

	code, out, errs := command(t, c.dir, "why", "candidate", candidate.String()[:8])
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
	err := json.Unmarshal([]byte(out), &told)
	if err != nil || len(told.Steps) != 2 || told.Candidate != candidate.String() {
		t.Errorf("%s, %v", out, err)
	}
	for name, want := range map[string]errcode.Code{
		"nonsense": errcode.Usage, "ca0000": errcode.Usage, "ca00000": errcode.Usage,
		(primitives.Hash{1}).String(): errcode.Unreachable,
	} {
		if got, _, errs := command(t, c.dir, "why", "candidate", name); got != want {
			t.Errorf("%s: exit code %d, %s", name, got, errs)
		}
	}
}

package node

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

func TestStepsOfAllPartsAreInTheOrderOfTheirTimesAndSilentPartsAreNamed(t *testing.T) {
	said := func(what string, at int64) *statusv1.StatusResponse {
		return &statusv1.StatusResponse{Steps: []*statusv1.Step{
			{What: what, At: timestamppb.New(time.Unix(at, 0)), Message: "M", From: "f"}}}
	}
	var r overseer.Report
	for generation, name := range []string{"b", "a", "hangs", "says nothing of that"} {
		in := broker.InstanceStatus{Generation: uint64(generation)}
		r.Subsystems = append(r.Subsystems, broker.SubsystemStatus{Name: name, Instances: []broker.InstanceStatus{in}})
	}
	r.Said = map[uint64]*statusv1.StatusResponse{0: said("later", 9), 1: said("first", 8), 2: nil}
	s := stepsOf("v1", r)
	var words []string
	for _, step := range s.Steps {
		words = append(words, step.Part+" "+step.What+" "+step.Message+" "+step.From)
	}
	got := strings.Join(words, ", ")
	if got != "a first M f, b later M f" || len(s.Silent) != 1 || s.Silent[0] != "hangs" {
		t.Errorf("%s, silent: %v", got, s.Silent)
	}
}

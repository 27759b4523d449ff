package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/reevenet/reeve/internal/process/telemetry/telemetrytest"
)

// candidateSpans is the story of a candidate: how the way up of a span begins, and in how many processes there is one.
// Three of four validators are a quorum of the group; the chain's own steps are seen by all four.
var candidateSpans = []struct {
	what, way string
	processes int
}{
	{"it is offered", "collator collator offer", 1},
	{"it is fetched by validators of the group", "candidate-selection candidate-selection fetch", 2},
	{"it is proposed", "candidate-backing candidate-backing second", 3},
	{"its code is asked for", "plugin-relayvm ParachainRuntimeService/QueryRuntime < vmhost ParachainRuntimeService/" +
		"QueryRuntime < vmhost vm QueryRuntimeRequest < runtime-api runtime-api Request", 1},
	{"it is judged", "candidate-validation candidate-validation judge", 3},
	{"its data is stored", "availability-store availability-store store", 1},
	{"statements are signed", "keystore keystore SignStatement < candidate-backing", 3},
	{"they are spread", "network-bridge network-bridge SendMessage < statement-distribution", 3},
	{"they are heard", "candidate-backing candidate-backing statement < candidate-backing candidate-backing Statement" +
		" < statement-distribution statement-distribution statement", 3},
	{"it is backed", "candidate-backing candidate-backing back", 3},
	{"its author hears", "provisioner provisioner ProvisionableData < candidate-backing candidate-backing back", 1},
	{"its proof is served", "pov-distribution pov-distribution DistributePoV", 1},
	{"its chunks are spread", "network-bridge network-bridge SendBulk < availability-distribution", 1},
	{"it is on a core", "availability-store availability-store core", 4},
	{"bitfields have it", "bitfield-signing bitfield-signing bitfield", 3},
	{"it is included", "availability-store availability-store include", 4},
	{"it is final", "availability-store availability-store final", 4},
}

// gaps says what of the story of a candidate isn't in a trace.
func (list spans) gaps(trace string) (gaps []string) {
	for _, want := range candidateSpans {
		if n := len(list.in(trace, want.way)); n < want.processes {
			gaps = append(gaps, fmt.Sprintf("%s: in %d of %d", want.what, n, want.processes))
		}
	}
	return gaps
}

// The way of one candidate of a parachain, from the collator's offer to its inclusion in a final block, as the
// processes of four validators tell a collector. It is one trace, named by the candidate's hash, though no trace context crosses
// the network.
func TestTheSpansOfACandidateAreOneTrace(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some eighty processes")
	}
	collector := telemetrytest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint)
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "1")
	newRelayMachine(t).produces()
	var list spans
	var whole string
	collector.Await(t, func(all []telemetrytest.Span) []string {
		list = all
		least := []string{"no candidate is included"}
		tried := map[string]bool{}
		for _, s := range list {
			if tried[s.Trace] || !strings.HasSuffix(s.Name, "include") {
				continue
			}
			tried[s.Trace] = true
			if gaps := list.gaps(s.Trace); len(gaps) == 0 {
				whole = s.Trace
				return nil
			} else if len(tried) == 1 || len(gaps) < len(least) {
				least = gaps
			}
		}
		return least
	})
	for _, s := range list {
		if s.Trace == whole && s.Failed {
			t.Errorf("failed: %s", list.way(s))
		}
	}
}

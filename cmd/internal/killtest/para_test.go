package killtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/byzantine/host"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// chainOf is a node of a relay chain that has recorded these offences.
func chainOf(t *testing.T, list ...relayvm.Offence) devnet.NodeStatus {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ext/bc/relay/rpc", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": 1, "result": list})
	})
	mux.HandleFunc("GET /ext/bc/relay/events", func(w http.ResponseWriter, _ *http.Request) {
		for _, b := range []relayvm.Shown{
			{Height: 7, ID: primitives.Hash{7}, Candidates: []relayvm.Happened{
				{Event: relayvm.EventBacked, Candidate: primitives.Hash{2}},
				{Event: relayvm.EventIncluded, Candidate: primitives.Hash{1}},
			}},
			{Height: 8, ID: primitives.Hash{8}, Candidates: []relayvm.Happened{
				{Event: relayvm.EventTimedOut, Candidate: primitives.Hash{2}},
				{Event: relayvm.EventIncluded, Candidate: primitives.Hash{3}},
			}},
		} {
			text, _ := json.Marshal(b)
			w.Write([]byte("event: block\ndata: " + string(text) + "\n\n"))
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return devnet.NodeStatus{Name: "v1", HTTP: s.URL}
}

func TestEachCandidateIsCountedOnceWhicheverNodesTellOfIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	node := chainOf(t, relayvm.Offence{})
	other := node
	other.Name = "v2"
	w := watchPara(ctx, []devnet.NodeStatus{node, other})
	if err := w.moving(ctx, 2); err != nil {
		t.Fatal(err)
	}
	w.stop()
	want := map[primitives.Hash]uint64{{1}: 7, {3}: 8}
	if diff := cmp.Diff(want, w.included); diff != "" || w.height() != 8 || w.timedOut == 0 || len(w.conflictsNow()) != 0 {
		t.Errorf("%s height %d, %d timed out", diff, w.height(), w.timedOut)
	}
}

func TestTheChainsRecordsAreHeldAgainstTheLiarAloneAndOnce(t *testing.T) {
	liar, honest := relayvm.Offender{Index: 4, PublicKey: primitives.Hash{4}}, relayvm.Offender{PublicKey: primitives.Hash{9}}
	contradiction := func(parent byte, who ...relayvm.Offender) relayvm.Offence {
		return relayvm.Offence{
			Kind: statements.SelfContradiction.String(), RelayParent: primitives.Hash{parent}, Offenders: who,
		}
	}
	disagreement := func(candidate byte, who ...relayvm.Offender) relayvm.Offence {
		return relayvm.Offence{
			Kind: statements.Disagreement.String(), Candidate: primitives.Hash{candidate}, Offenders: who,
		}
	}
	for name, c := range map[string]struct {
		kind   host.Kind
		list   []relayvm.Offence
		faults string
	}{
		"each once":           {host.Equivocate, []relayvm.Offence{contradiction(1, liar), contradiction(2, liar)}, ""},
		"twice":               {host.Equivocate, []relayvm.Offence{contradiction(1, liar), contradiction(1, liar)}, "twice"},
		"an honest one":       {host.Equivocate, []relayvm.Offence{contradiction(1, liar, honest)}, "honest validator 0"},
		"two disagreements":   {host.Accuse, []relayvm.Offence{disagreement(1, liar), disagreement(2, liar)}, ""},
		"one, told twice":     {host.Accuse, []relayvm.Offence{disagreement(1, liar), disagreement(1, liar)}, "twice"},
		"nothing to be shown": {host.WrongPoV, []relayvm.Offence{}, ""},
	} {
		d := &liarsDrill{
			hostLies: &hostLies{report: &HostLiesReport{}}, honest: []devnet.NodeStatus{chainOf(t, c.list...)},
			key: liar.PublicKey, row: HostLie{Kind: c.kind},
		}
		if err := d.recorded(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		found := d.report.Faults
		if (len(found) > 0) != (c.faults != "") || len(found) > 0 && !strings.Contains(string(found[0]), c.faults) {
			t.Errorf("%s: %v, want %q", name, found, c.faults)
		}
	}
}

func TestOfADisagreementWhoIsOutvotedIsTheLiarOrNobody(t *testing.T) {
	said := func(valid, invalid int) (list []statements.Signed) {
		for v := range uint32(valid + invalid) {
			s := statements.Signed{Verdict: signbytes.Valid, Validator: v}
			if int(v) >= valid {
				s.Verdict = signbytes.Invalid
			}
			list = append(list, s)
		}
		return list
	}
	for _, c := range []struct {
		valid, invalid int
		liar           uint32
		faults         int
	}{{3, 1, 3, 0}, {3, 1, 0, 1}, {1, 3, 0, 0}, {1, 3, 2, 1}, {2, 2, 9, 0}, {2, 3, 0, 1}} {
		d := &liarsDrill{
			hostLies: &hostLies{report: &HostLiesReport{}}, honest: make([]devnet.NodeStatus, 4), row: HostLie{Kind: host.Accuse},
		}
		d.outvoted("v1", offence.Finding{Kind: statements.Disagreement, Said: said(c.valid, c.invalid)},
			map[uint32]bool{c.liar: true})
		if len(d.report.Faults) != c.faults {
			t.Errorf("%+v: %v", c, d.report.Faults)
		}
	}
}

package relayvm

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain/offence"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// Who reads of an offence in the chain finds the evidence in a node's files by its name.
func TestAnOffenceHasTheNameOfItsEvidence(t *testing.T) {
	n := startNetwork(t, 6, nil)
	group := n.groupOf(100)
	receipt, c := n.about(100, 1)
	disagreement := n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		d := &misbehaviorv1.CandidateValidityDisagreement{Receipt: receipt}
		for i, v := range []signbytes.Verdict{signbytes.Invalid, signbytes.Seconded, signbytes.Valid} {
			d.Statements = append(d.Statements, message(n.says(group[i], v, c)))
		}
		m.Kind = &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{CandidateValidityDisagreement: d}
	})
	list := []*misbehaviorv1.MisbehaviorReport{n.contradiction(2), disagreement}
	n.next(reports(list...))
	recorded := map[string]bool{}
	for _, o := range n.rpc("offences", nil).([]any) {
		recorded[o.(map[string]any)["id"].(string)] = true
	}
	for _, m := range list {
		f, err := offence.Read(m)
		if err != nil || !recorded[f.ID().String()] {
			t.Errorf("%s %s isn't among %v; %v", f.Kind, f.ID(), recorded, err)
		}
	}
}

package candidatebacking

import (
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// report tells misbehavior-arbitration what a statement has proved. The receipt is that of its candidate.
func (j *job) report(m statements.Misbehavior, r candidate.CommittedReceipt) {
	j.counts.reported++
	j.sub.Log.Warn("misbehavior of a validator", "kind", m.Kind, "validator", m.Statements[0].Validator,
		"parent", j.leaf.Hash.Short())
	last := m.Statements[len(m.Statements)-1]
	if known, ok := j.receipts[last.Candidate]; ok {
		r = known
	}
	report := &misbehaviorv1.MisbehaviorReport{Context: parachain.ContextMessage(j.context())}
	said := make([]*primitivesv1.SignedStatement, len(m.Statements))
	for i, s := range m.Statements {
		said[i] = parachain.StatementMessage(s)
	}
	switch m.Kind {
	case statements.Disagreement:
		report.Kind = &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{
			CandidateValidityDisagreement: &misbehaviorv1.CandidateValidityDisagreement{
				Receipt: short(r), Statements: said}}
	case statements.SelfContradiction:
		report.Kind = &misbehaviorv1.MisbehaviorReport_SelfContradiction{
			SelfContradiction: &misbehaviorv1.SelfContradiction{Receipt: short(r), First: said[0], Second: said[1]}}
	case statements.DoubleVote:
		report.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{
			DoubleVote: &misbehaviorv1.DoubleVote{Receipt: short(r), First: said[0], Second: said[1]}}
	case statements.Unauthorized:
		report.Kind = &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{
			UnauthorizedStatement: &misbehaviorv1.UnauthorizedStatement{Receipt: short(r), Statement: said[0]}}
	case statements.DoubleSign:
		report.Kind = &misbehaviorv1.MisbehaviorReport_DoubleSign{
			DoubleSign: &misbehaviorv1.DoubleSign{First: said[0], Second: said[1]}}
	}
	j.sub.Send(report)
}

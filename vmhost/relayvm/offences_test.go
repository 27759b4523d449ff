package relayvm

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
)

// about is a receipt of a para on the last block, as a message, and its hash.
func (n *network) about(para uint32, pov byte) (*primitivesv1.CandidateReceipt, primitives.Hash) {
	r := candidate.Receipt{Descriptor: candidate.Descriptor{Collation: signbytes.Collation{
		ParaID: para, RelayParent: consensus(n.last), PoVHash: primitives.Hash{pov},
	}}}
	return parachain.ReceiptMessage(r), r.Hash()
}

func message(s statements.Signed) *primitivesv1.SignedStatement { return parachain.StatementMessage(s) }

func (n *network) report(kind func(*misbehaviorv1.MisbehaviorReport)) *misbehaviorv1.MisbehaviorReport {
	m := &misbehaviorv1.MisbehaviorReport{Context: parachain.ContextMessage(n.signing())}
	kind(m)
	return m
}

func reports(list ...*misbehaviorv1.MisbehaviorReport) *provisionerv1.InherentData {
	return &provisionerv1.InherentData{MisbehaviorReports: list}
}

// offenders are those of the last offence that users see.
func (n *network) offenders() (kind string, who []float64) {
	n.t.Helper()
	for _, o := range n.rpc("offences", nil).([]any) {
		kind, who = o.(map[string]any)["kind"].(string), nil
		for _, f := range o.(map[string]any)["offenders"].([]any) {
			who = append(who, f.(map[string]any)["index"].(float64))
		}
	}
	return kind, who
}

func (n *network) contradiction(v uint32) *misbehaviorv1.MisbehaviorReport {
	receipt, c := n.about(100, 1)
	return n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		m.Kind = &misbehaviorv1.MisbehaviorReport_SelfContradiction{SelfContradiction: &misbehaviorv1.SelfContradiction{
			Receipt: receipt, First: message(n.says(v, signbytes.Seconded, c)),
			Second: message(n.says(v, signbytes.Invalid, c)),
		}}
	})
}

func TestOffencesOfEachKindAreRecordedOnceWithTheirOffenders(t *testing.T) {
	for name, c := range map[string]struct {
		who  []float64
		made func(n *network, group []uint32) *misbehaviorv1.MisbehaviorReport
	}{
		"self-contradiction": {[]float64{2}, func(n *network, _ []uint32) *misbehaviorv1.MisbehaviorReport {
			return n.contradiction(2)
		}},
		"double vote": {[]float64{3}, func(n *network, _ []uint32) *misbehaviorv1.MisbehaviorReport {
			receipt, c := n.about(100, 1)
			_, other := n.about(101, 2)
			return n.report(func(m *misbehaviorv1.MisbehaviorReport) {
				m.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: &misbehaviorv1.DoubleVote{
					Receipt: receipt, First: message(n.says(3, signbytes.Seconded, other)),
					Second: message(n.says(3, signbytes.Seconded, c)),
				}}
			})
		}},
		"unauthorized statement": {[]float64{9}, func(n *network, _ []uint32) *misbehaviorv1.MisbehaviorReport {
			receipt, c := n.about(100, 1)
			stranger := n.groupOf(101)[0]
			return n.report(func(m *misbehaviorv1.MisbehaviorReport) {
				d := &misbehaviorv1.UnauthorizedStatement{
					Receipt: receipt, Statement: message(n.says(stranger, signbytes.Valid, c)),
				}
				m.Kind = &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{UnauthorizedStatement: d}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNetwork(t, 6, nil)
			m := c.made(n, n.groupOf(100))
			n.next(reports(m))
			kind, who := n.offenders()
			if kind == "" || len(who) != 1 || c.who[0] < 9 && who[0] != c.who[0] {
				t.Errorf("%q by %v", kind, who)
			}
			contains(t, "again", n.try(reports(m)), "recorded already")
			if left := n.usable(reports(m)); !proto.Equal(left, reports()) {
				t.Errorf("the dry run leaves %v", left)
			}
		})
	}
}

// Once more than half of the group have said one thing, those who said the other are offenders.
func TestOfADisagreementTheMinorityIsRecorded(t *testing.T) {
	n := startNetwork(t, 6, nil) // two groups of three
	group := n.groupOf(100)
	receipt, c := n.about(100, 1)
	disagreement := func(verdicts ...signbytes.Verdict) *misbehaviorv1.MisbehaviorReport {
		d := &misbehaviorv1.CandidateValidityDisagreement{Receipt: receipt}
		for i, v := range verdicts {
			d.Statements = append(d.Statements, message(n.says(group[i], v, c)))
		}
		return n.report(func(m *misbehaviorv1.MisbehaviorReport) {
			m.Kind = &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{CandidateValidityDisagreement: d}
		})
	}
	one := disagreement(signbytes.Seconded, signbytes.Invalid)
	other := disagreement(signbytes.Valid, signbytes.Invalid)
	most := disagreement(signbytes.Seconded, signbytes.Invalid, signbytes.Invalid)
	contains(t, "all agree", n.try(reports(disagreement(signbytes.Seconded, signbytes.Valid))), "nobody disagrees")
	if left := n.usable(reports(one, most)); len(left.GetMisbehaviorReports()) != 2 {
		t.Errorf("%v", left)
	}
	n.next(reports(one))
	if kind, who := n.offenders(); kind == "" || len(who) != 0 {
		t.Errorf("%s: nobody is outvoted, and %v are offenders", kind, who)
	}
	contains(t, "again", n.try(reports(one)), "recorded already")
	contains(t, "as undecided", n.try(reports(other)), "recorded already")
	n.next(reports(most)) // the relay parent is an ancestor now
	if list := n.rpc("offences", nil).([]any); len(list) != 1 {
		t.Errorf("one disagreement is recorded as %v", list)
	}
	if _, who := n.offenders(); len(who) != 1 || who[0] != float64(group[0]) {
		t.Errorf("offenders are %v", who)
	}
	contains(t, "with nobody new", n.try(reports(one, most)), "recorded already")
}

// Whichever of a validator's statements prove it, and whichever candidate the report is about, it is one offence.
func TestADoubleVoteIsRecordedOnceWhicheverCandidateTheReportIsAbout(t *testing.T) {
	n := startNetwork(t, 6, nil)
	receipt, c := n.about(100, 1)
	second, other := n.about(100, 2)
	a, b := message(n.says(3, signbytes.Seconded, c)), message(n.says(3, signbytes.Seconded, other))
	one := n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		m.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: &misbehaviorv1.DoubleVote{
			Receipt: receipt, First: b, Second: a}}
	})
	same := n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		m.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: &misbehaviorv1.DoubleVote{
			Receipt: second, First: a, Second: b}}
	})
	if left := n.usable(reports(one, same)); len(left.GetMisbehaviorReports()) != 1 {
		t.Errorf("the dry run leaves %d", len(left.GetMisbehaviorReports()))
	}
	n.next(reports(one))
	contains(t, "told otherwise", n.try(reports(same)), "recorded already")
}

func TestAReportThatDoesNotHoldIsRefused(t *testing.T) {
	n := startNetwork(t, 6, nil)
	forged := n.contradiction(2)
	forged.GetSelfContradiction().GetFirst().Signature[0] ^= 1
	foreign := n.contradiction(2)
	foreign.Context.Session = 7
	same := n.contradiction(2)
	same.GetSelfContradiction().Second = same.GetSelfContradiction().GetFirst()
	authorized := n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		receipt, c := n.about(100, 1)
		d := &misbehaviorv1.UnauthorizedStatement{
			Receipt: receipt, Statement: message(n.says(n.groupOf(100)[0], signbytes.Valid, c)),
		}
		m.Kind = &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{UnauthorizedStatement: d}
	})
	once := n.report(func(m *misbehaviorv1.MisbehaviorReport) {
		_, c := n.about(100, 1)
		s := message(n.says(1, signbytes.Valid, c))
		m.Kind = &misbehaviorv1.MisbehaviorReport_DoubleSign{DoubleSign: &misbehaviorv1.DoubleSign{First: s, Second: s}}
	})
	for name, c := range map[string]struct {
		report *misbehaviorv1.MisbehaviorReport
		words  string
	}{
		"forged":                 {forged, "isn't signed by validator 2"},
		"of an unknown session":  {foreign, "the validators of session 7 aren't known"},
		"of one statement twice": {same, "two statements that are no"},
		"of a group's member":    {authorized, "is in the group of para 100"},
		"of one signature":       {once, "two statements that are no"},
		"of nothing":             {&misbehaviorv1.MisbehaviorReport{}, "not a candidate's canonical bytes"},
		"of no kind":             {n.report(func(*misbehaviorv1.MisbehaviorReport) {}), "of no kind"},
	} {
		contains(t, name, n.try(reports(c.report)), c.words)
		if left := n.usable(reports(c.report, n.contradiction(4))); len(left.GetMisbehaviorReports()) != 1 {
			t.Errorf("%s: the dry run leaves %v", name, left)
		}
	}
}

func TestABlockTakesABoundedNumberOfReports(t *testing.T) {
	n := startNetwork(t, 20, nil)
	var list []*misbehaviorv1.MisbehaviorReport
	for v := range uint32(20) {
		list = append(list, n.contradiction(v))
	}
	left := n.usable(reports(list...))
	if len(left.GetMisbehaviorReports()) != maxReports {
		t.Errorf("%d are left", len(left.GetMisbehaviorReports()))
	}
	contains(t, "a block with more", n.try(reports(list...)), "reports at most")
	n.next(left)
}

func TestADisputeOfAnIncludedCandidateIsRecordedOnce(t *testing.T) {
	n := startNetwork(t, 4, func(g *Genesis) { g.Configuration.AcceptancePeriod = 3 })
	dispute := func(c primitives.Hash, v uint32) *provisionerv1.InherentData {
		s := n.says(v, signbytes.Invalid, c)
		return &provisionerv1.InherentData{Disputes: []*primitivesv1.Dispute{{
			Candidate: c[:], Context: parachain.ContextMessage(n.signing()), Validator: v, Signature: s.Signature[:],
		}}}
	}
	n.next(offers(n.made(100, free, "head 1", nil)))
	c := n.last.after.world.pending[100].Candidate
	contains(t, "before it is included", n.try(dispute(c, 1)), "hasn't been included lately")
	n.available(0, 3)
	forged := dispute(c, 1)
	forged.Disputes[0].Validator = 2
	contains(t, "forged", n.try(forged), "isn't signed by validator 2")
	n.next(dispute(c, 1))
	if list := n.rpc("disputes", nil).([]any); len(list) != 1 || list[0].(map[string]any)["candidate"] != c.String() {
		t.Errorf("%v", list)
	}
	contains(t, "again", n.try(dispute(c, 1)), "has disputed the candidate already")
	var many provisionerv1.InherentData
	for range maxDisputes + 1 {
		many.Disputes = append(many.Disputes, dispute(c, 2).Disputes...)
	}
	if left := n.usable(&many); len(left.GetDisputes()) != 1 {
		t.Errorf("%d are left", len(left.GetDisputes()))
	}
	n.grow(2)
	contains(t, "after the acceptance period", n.try(dispute(c, 3)), "hasn't been included lately")
}

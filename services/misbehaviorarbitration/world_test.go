package misbehaviorarbitration

import (
	"crypto/ed25519"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/parachain/offence/offencetest"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const (
	dir  = "/data/evidence/relay"
	para = 7
)

var (
	parent = primitives.HashOf([]byte("the relay parent"))
	leaf1  = primitives.HashOf([]byte("a leaf above it"))
	in     = signbytes.Context{Session: 3, RelayParent: parent}
)

const (
	seconded = signbytes.Seconded
	valid    = signbytes.Valid
	invalid  = signbytes.Invalid
)

// world is everybody but misbehavior-arbitration: ten validators, of whom 1, 2 and 4 back para 7, and a disk.
type world struct {
	*overseertest.Overseer
	t    *testing.T
	disk *simdisk.Disk
	// answer is what runtime-api says in place of the usual; nil: the usual.
	answer func(overseertest.Sent)
	asked  int
}

func newWorld(t *testing.T) *world { return restarted(t, simdisk.New(1)) }

// restarted begins with a disk that something has been written to.
func restarted(t *testing.T, d *simdisk.Disk) *world {
	w := &world{t: t, disk: d}
	w.Overseer = overseertest.Start(t, Spec(Config{Chain: "relay", Disk: d.Process(), Dir: dir}))
	w.On("relay")
	return w
}

// reports has candidate-backing report, and answers what is asked. It returns what the provisioner is told.
func (w *world) reports(r *misbehaviorv1.MisbehaviorReport) []*provisionerv1.ProvisionableData {
	w.t.Helper()
	w.Send("candidate-backing", r)
	return w.settle()
}

func (w *world) settle() (told []*provisionerv1.ProvisionableData) {
	w.t.Helper()
	for all := w.Sent(); len(all) > 0; all = w.Sent() {
		for _, s := range all {
			switch body := s.Body.(type) {
			case *provisionerv1.ProvisionableData:
				told = append(told, body)
			case *runtimeapiv1.Request:
				w.asked++
				if w.answer != nil {
					w.answer(s)
					continue
				}
				s.Reply(&runtimeapiv1.RequestResponse{
					Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: state(body.GetRequest())}})
			default:
				w.t.Fatalf("%T is sent", body)
			}
		}
	}
	return told
}

// begins makes a block a leaf.
func (w *world) begins(leaf primitives.Hash) []*provisionerv1.ProvisionableData {
	w.StartWork(leaf[:], nil, 9)
	return w.settle()
}

// state is what the relay chain says after the relay parent.
func state(q *runtimeapiv1.RuntimeApiRequest) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch q.GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		list := &runtimeapiv1.ValidatorsAnswer{}
		for v := range uint32(10) {
			list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: public(v)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: in.Session}}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroupsAnswer{
			Groups: []*primitivesv1.ValidatorGroup{{Validators: []uint32{3, 5}}, {Validators: []uint32{2, 1, 4}}}}}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		scheduled := &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{
			Scheduled: &primitivesv1.ScheduledCore{Para: para}}}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{
			AvailabilityCores: &runtimeapiv1.AvailabilityCoresAnswer{Cores: []*primitivesv1.CoreState{{}, scheduled}}}
	}
	return a
}

func keyOf(v uint32) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), byte(v)))
}

func public(v uint32) ed25519.PublicKey { return keyOf(v).Public().(ed25519.PublicKey) }

// made is a candidate with a head of that name.
func made(head string, para uint32) candidate.Receipt {
	return candidate.Receipt{Descriptor: candidate.Descriptor{Collation: signbytes.Collation{
		ParaID: para, RelayParent: parent, ParaHead: primitives.HashOf([]byte(head)),
	}}}
}

// says is a validator's statement about a candidate of para 7.
func says(v uint32, verdict signbytes.Verdict, head string) *primitivesv1.SignedStatement {
	return signed(v, verdict, made(head, para), ed25519.Sign)
}

// again is the same statement with another signature.
func again(v uint32, verdict signbytes.Verdict, head string) *primitivesv1.SignedStatement {
	return signed(v, verdict, made(head, para), func(key ed25519.PrivateKey, message []byte) []byte {
		s := offencetest.Again(key, message)
		return s[:]
	})
}

func signed(v uint32, verdict signbytes.Verdict, c candidate.Receipt,
	sign func(ed25519.PrivateKey, []byte) []byte) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: verdict, Candidate: c.Hash(), Validator: v}
	payload, err := s.Payload(in).Encode()
	if err != nil {
		panic(err)
	}
	s.Signature = [64]byte(sign(keyOf(v), payload))
	return parachain.StatementMessage(s)
}

func reportOf(kind any) *misbehaviorv1.MisbehaviorReport {
	r := &misbehaviorv1.MisbehaviorReport{Context: parachain.ContextMessage(in)}
	a := parachain.ReceiptMessage(made("a", para))
	switch k := kind.(type) {
	case *misbehaviorv1.CandidateValidityDisagreement:
		k.Receipt = a
		r.Kind = &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{CandidateValidityDisagreement: k}
	case *misbehaviorv1.SelfContradiction:
		k.Receipt = a
		r.Kind = &misbehaviorv1.MisbehaviorReport_SelfContradiction{SelfContradiction: k}
	case *misbehaviorv1.DoubleVote:
		k.Receipt = a
		r.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: k}
	case *misbehaviorv1.UnauthorizedStatement:
		k.Receipt = a
		r.Kind = &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{UnauthorizedStatement: k}
	case *misbehaviorv1.DoubleSign:
		r.Kind = &misbehaviorv1.MisbehaviorReport_DoubleSign{DoubleSign: k}
	}
	return r
}

// contradiction is a report against a validator.
func contradiction(v uint32) *misbehaviorv1.MisbehaviorReport {
	return reportOf(&misbehaviorv1.SelfContradiction{First: says(v, valid, "a"), Second: says(v, invalid, "a")})
}

func doubleVote(v uint32, other string) *misbehaviorv1.MisbehaviorReport {
	return reportOf(&misbehaviorv1.DoubleVote{First: says(v, seconded, other), Second: says(v, seconded, "a")})
}

func intrusion(v uint32) *misbehaviorv1.MisbehaviorReport {
	return reportOf(&misbehaviorv1.UnauthorizedStatement{Statement: says(v, valid, "a")})
}

func doubleSign(a, b *primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	return reportOf(&misbehaviorv1.DoubleSign{First: a, Second: b})
}

func disagreement() *misbehaviorv1.MisbehaviorReport {
	said := []*primitivesv1.SignedStatement{says(4, seconded, "a"), says(1, valid, "a"), says(2, invalid, "a")}
	return reportOf(&misbehaviorv1.CandidateValidityDisagreement{Statements: said})
}

// kinds is a report of each kind that holds, by the name of the kind.
func kinds() map[string]*misbehaviorv1.MisbehaviorReport {
	return map[string]*misbehaviorv1.MisbehaviorReport{
		"disagreement on validity": disagreement(),
		"self-contradiction":       contradiction(2),
		"double vote":              doubleVote(2, "b"),
		"unauthorized statement":   intrusion(5),
		"double signature":         doubleSign(says(2, valid, "a"), again(2, valid, "a")),
	}
}

// filed are the files of evidence on the disk that hold, by name.
func (w *world) filed() map[string]offence.Finding {
	f := files{disk: w.disk.Process(), dir: dir}
	names, err := f.disk.List(dir)
	if err != nil {
		return nil
	}
	found := map[string]offence.Finding{}
	for _, name := range names {
		p, err := readPiece(f.disk, dir+"/"+name)
		if err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
		b, err := proto.Marshal(p.QueryEvidenceResponse)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, found[name], err = offence.Open(b); err != nil {
			w.t.Fatal(err)
		}
	}
	return found
}

// evidence is what a question is answered.
func (w *world) evidence(q *misbehaviorv1.QueryEvidence) []*misbehaviorv1.QueryEvidenceResponse {
	w.t.Helper()
	a := w.Ask("tools", q)
	if !a.Done || a.Err != nil {
		w.t.Fatalf("%v, %v", a.Done, a.Err)
	}
	return items(a)
}

func items(a *overseertest.Answer) (list []*misbehaviorv1.QueryEvidenceResponse) {
	for _, i := range a.Items {
		list = append(list, i.(*misbehaviorv1.QueryEvidenceResponse))
	}
	return list
}

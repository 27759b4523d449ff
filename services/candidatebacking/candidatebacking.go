// Package candidatebacking judges candidates of its own group's para, counts all groups' statements to a quorum, and
// reports who contradicts himself.
//
// It works on each leaf of the relay chain for as long as that is one (job). Second, from candidate-selection, names a
// candidate to propose; Statement, from statement-distribution, is what a peer validator says of one. Both lead to a
// judgement (judge.go) where it is this validator's duty: the proof of validity is fetched, the code is run by
// candidate-validation, the relay chain is asked whether it would accept the outputs, and the data is stored for the
// network. Then the keystore signs, and the statement is counted (package statements), shared, and served. A quorum is
// told to the provisioner and to watchers; what contradicts, to misbehavior-arbitration.
//
// It signs nothing that it hasn't judged and stored, and nothing at all when it couldn't tell: what goes wrong in this
// node is never a verdict. It never waits: everything comes back as an event, and what belongs to a leaf that is gone
// is dropped.
package candidatebacking

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "candidate-backing"

// wants is what has to be known of a leaf.
const wants = leaf.Validators | leaf.Groups | leaf.Cores | leaf.Session | leaf.Own

// Config is what candidate-backing needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares candidate-backing.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Sharded,
		Sends: []proto.Message{
			&statementdistributionv1.Share{}, &povdistributionv1.DistributePoV{}, &provisionerv1.ProvisionableData{},
			&candidateselectionv1.Invalid{}, &misbehaviorv1.MisbehaviorReport{},
			&availabilitydistributionv1.DistributeChunk{}, &candidatevalidationv1.Prepare{},
		},
		Asks: slices.Concat(leaf.Asks(wants), []proto.Message{
			&candidatevalidationv1.Validate{}, &availabilitystorev1.StoreAvailableData{},
			&availabilitystorev1.QueryAllChunks{},
			&povdistributionv1.FetchPoV{}, &keystorev1.SignStatement{},
		}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			return &backing{sub: sub, jobs: leaf.Jobs[*job]{Chain: cfg.Chain}}, nil
		},
	}
}

// backing is the handler.
type backing struct {
	sub  *subsystem.Sub
	jobs leaf.Jobs[*job]
	// ready are the paras whose code candidate-validation was told to prepare: that of this validator's group, and that
	// after the next rotation.
	ready [2]uint32

	counts counts
}

// counts are since the process began.
type counts struct {
	seconded, valid, invalid, abstained, backable, reported, strays, badSignatures, conflicts int64
	lastFault                                                                                 string
}

// Signal begins a job with each leaf and ends it with that.
func (b *backing) Signal(sig *overseerv1.Signal) {
	b.jobs.Signal(sig, func(l leaf.Leaf) *job { return b.begin(l) }, func(_ primitives.Hash, j *job) { j.end() })
}

// Presence tells an instance of the provisioner that has come what is backed: it has nothing of what another one was
// told.
func (b *backing) Presence(p subsystem.Presence) {
	if p.Subsystem == "provisioner" && p.Present {
		b.jobs.Each(func(_ primitives.Hash, j *job) { j.provideAgain() })
	}
}

// Handle takes one message.
func (b *backing) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *candidatebackingv1.RegisterBackingWatcher:
		b.onRegisterBackingWatcher(m, body)
	case *candidatebackingv1.Second:
		b.with(body.GetRelayParent(), "a candidate to second", func(j *job) { j.onSecond(body) })
	case *candidatebackingv1.Statement:
		b.with(body.GetRelayParent(), "a statement", func(j *job) { j.onStatement(body.GetStatement()) })
	default:
		m.Unknown()
	}
}

// with does something as soon as the leaf's facts are known. What is about a block that is no leaf is dropped.
func (b *backing) with(relayParent []byte, what string, do func(*job)) {
	j, active := b.jobs.Get(relayParent)
	if !active {
		b.counts.strays++
		b.sub.Log.Debug("dropped: its relay parent is no leaf", "what", what)
		return
	}
	j.soon(what, do)
}

// Status says how candidate-backing is.
func (b *backing) Status(s *subsystem.Status) {
	c := b.counts
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"leaves", int64(b.jobs.Len())}, {"seconded", c.seconded}, {"valid", c.valid}, {"invalid", c.invalid},
		{"abstained", c.abstained}, {"backable", c.backable}, {"reported", c.reported}, {"strays", c.strays},
		{"bad-signatures", c.badSignatures}, {"conflicts", c.conflicts},
	} {
		s.Number(n.name, n.value)
	}
	s.Text("last-fault", c.lastFault)
}

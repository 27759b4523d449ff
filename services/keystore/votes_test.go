package keystore_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/internal/store/journal"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

var question = &keystorev1.QueryVotes{NetworkId: 1, ChainId: hash(1)}

func askVote(t *testing.T, o *overseertest.Overseer, r *keystorev1.SignVote) *keystorev1.SignVoteResponse {
	t.Helper()
	return overseertest.Must[*keystorev1.SignVoteResponse](t, o.Ask("engine", r))
}

func queryVotes(t *testing.T, o *overseertest.Overseer) *keystorev1.QueryVotesResponse {
	t.Helper()
	return overseertest.Must[*keystorev1.QueryVotesResponse](t, o.Ask("engine", question))
}

// forget asks from the engine and doesn't wait.
func forget(b *bus, req proto.Message) {
	b.engine.Post(func() { subsystem.Ask(b.engine, req, 30*time.Second, func(proto.Message, error) {}) })
}

func TestVotesGoForwardAlsoAfterACrash(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	first := askVote(t, o, voteAt(5, 1, prepare, 1)).GetSignature()
	askVote(t, o, voteAt(5, 1, commit, 1))
	m.disk.Crash()
	o = m.start(t)
	for _, c := range []struct {
		vote   *keystorev1.SignVote
		reason keystorev1.Refusal_Reason
	}{
		{voteAt(5, 1, prepare, 2), keystorev1.Refusal_REASON_CONFLICT},
		{voteAt(5, 1, commit, 0), keystorev1.Refusal_REASON_CONFLICT},
		{voteAt(5, 0, commit, 1), keystorev1.Refusal_REASON_PASSED},
		{voteAt(4, 9, prepare, 1), keystorev1.Refusal_REASON_PASSED},
	} {
		refusal := askVote(t, o, c.vote).GetRefusal()
		proven := refusal.GetEvidence() != nil
		if refusal.GetReason() != c.reason || proven != (c.reason == keystorev1.Refusal_REASON_CONFLICT) {
			t.Errorf("%v: %v", c.vote, refusal)
		}
	}
	evidence := askVote(t, o, voteAt(5, 1, prepare, 2)).GetRefusal().GetEvidence()
	if !ed25519.Verify(m.key[:], evidence.GetSignedPayload(), first.GetSignature()) {
		t.Error("the evidence isn't what was signed")
	}
	again := askVote(t, o, voteAt(5, 1, prepare, 1)).GetSignature()
	if !bytes.Equal(again.GetSignature(), first.GetSignature()) {
		t.Error("the same vote, asked for again, has another signature")
	}
	if h, r := o.Number("voted-height"), o.Number("voted-round"); h != 5 || r != 1 {
		t.Errorf("the status says height %d, round %d", h, r)
	}
}

// An engine that starts is told what the key has voted last, with the signatures that left before.
func TestTheVotesOfTheLastHeightAreTold(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	if r := queryVotes(t, o); r.GetHeight() != 0 || r.GetVotes() != nil || r.GetRefusal() != nil {
		t.Errorf("before there is a vote: %v", r)
	}
	other := voteAt(9, 9, commit, 9)
	other.ChainId = hash(2)
	votes := []*keystorev1.SignVote{
		voteAt(5, 0, prepare, 1), voteAt(6, 0, prepare, 1), voteAt(6, 0, commit, 0), voteAt(6, 1, commit, 2),
	}
	signatures := map[int][]byte{}
	for i, v := range votes {
		signatures[i] = askVote(t, o, v).GetSignature().GetSignature()
	}
	askVote(t, o, other)
	m.disk.Crash()
	r := queryVotes(t, m.start(t))
	if r.GetHeight() != 6 || len(r.GetVotes()) != 3 {
		t.Fatalf("%v", r)
	}
	for i, v := range r.GetVotes() {
		want := votes[i+1]
		if v.GetRound() != want.GetRound() || v.GetPhase() != want.GetPhase() ||
			!bytes.Equal(v.GetBlockId(), want.GetBlockId()) || !bytes.Equal(v.GetSignature(), signatures[i+1]) {
			t.Errorf("vote %d is told as %v", i, v)
		}
	}
}

// The answer to the largest question fits a message: a height of very many rounds.
func TestAHeightOfManyRounds(t *testing.T) {
	o := newMachine(t).start(t)
	askVote(t, o, voteAt(6, 0, commit, 1))
	for round := range uint32(2000) {
		askVote(t, o, voteAt(6, round+1, prepare, 1))
	}
	votes := queryVotes(t, o).GetVotes()
	if n := len(votes); n < 512 || n > 1024 || votes[n-1].GetRound() != 2000 {
		t.Errorf("%d votes", n)
	}
	if v := votes[0]; v.GetRound() != 0 || v.GetPhase() != commit || v.GetBlockId()[31] != 1 {
		t.Errorf("the lock isn't told, but %v", v)
	}
}

// While nobody knows what was voted, that is the answer.
func TestVotesArentToldWhileTheLogCantBeRead(t *testing.T) {
	m := newMachine(t)
	o := m.start(t)
	askVote(t, o, voteAt(6, 0, prepare, 1))
	m.disk.SetFault(func(simdisk.Op) error { return syscall.EIO })
	askVote(t, o, voteAt(6, 0, commit, 1))
	r := queryVotes(t, o)
	if r.GetRefusal().GetReason() != keystorev1.Refusal_REASON_DISK || r.GetHeight() != 0 || r.GetVotes() != nil {
		t.Fatalf("%v", r)
	}
	m.disk.SetFault(nil)
	o.Advance(10 * time.Second)
	if r := queryVotes(t, o); r.GetRefusal() != nil || len(r.GetVotes()) == 0 {
		t.Fatalf("the disk is well again: %v", r)
	}

	restored := &machine{disk: m.disk.Copy(2), key: m.key}
	o = restored.start(t)
	if r := queryVotes(t, o); r.GetRefusal().GetReason() != keystorev1.Refusal_REASON_OPERATOR {
		t.Fatalf("a copy: %v", r)
	}
	if err := signer.Adopt(restored.config().Signer(), journal.Floors{Height: new(uint64(12))}); err != nil {
		t.Fatal(err)
	}
	o.Advance(10 * time.Second)
	if r := queryVotes(t, o); r.GetRefusal() != nil || r.GetHeight() != 12 || r.GetVotes() != nil {
		t.Errorf("up to the operator's floor nothing is signed any more: %v", r)
	}
	if r := askVote(t, o, voteAt(12, 5, commit, 1)); r.GetRefusal().GetReason() != keystorev1.Refusal_REASON_PRUNED {
		t.Errorf("at the floor: %v", r)
	}
}

func TestTheStatusTellsChainsApart(t *testing.T) {
	o := newMachine(t).start(t)
	other := voteAt(9, 2, commit, 9)
	other.ChainId = append([]byte{0xab}, other.ChainId[1:]...)
	askVote(t, o, voteAt(5, 1, prepare, 1))
	askVote(t, o, other)
	for name, want := range map[string]int64{
		"voted-height-00000000": 5, "voted-round-00000000": 1, "voted-height-ab000000": 9, "voted-round-ab000000": 2,
	} {
		if n := o.Number(name); n != want {
			t.Errorf("%s is %d, want %d", name, n, want)
		}
	}
}

// The question waits for the vote that is being made durable and for the one that waits behind it.
func TestTheAnswerHoldsWhatWasAskedForBefore(t *testing.T) {
	m := newMachine(t)
	b := startBus(t, m.config())
	started, release := m.holdSync()
	ask[*keystorev1.SignVoteResponse](b, voteAt(6, 0, prepare, 1))
	<-started
	ask[*keystorev1.SignVoteResponse](b, voteAt(6, 0, commit, 1))
	answer := ask[*keystorev1.QueryVotesResponse](b, question)
	late := ask[*keystorev1.SignVoteResponse](b, voteAt(6, 1, prepare, 2))
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{})
	select {
	case r := <-answer:
		t.Fatalf("answered while a vote is being signed: %v", r)
	default:
	}
	release()
	if r := <-answer; len(r.GetVotes()) != 2 {
		t.Errorf("%v", r)
	}
	if r := <-late; r.GetSignature() == nil {
		t.Errorf("what came behind the question: %v", r)
	}
}

// An engine dies while a vote of its is being signed and others wait. What the next one is told is all that there will
// ever be of the first one's: whatever it isn't told is never signed.
func TestAnEngineThatDiesLeavesNoVoteBehind(t *testing.T) {
	m := newMachine(t)
	b := startBus(t, m.config())
	started, release := m.holdSync()
	forget(b, voteAt(6, 0, prepare, 1))
	<-started
	for round := range uint32(20) {
		forget(b, voteAt(6, 1+round, commit, 1))
	}
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{})
	b.endEngine()
	b.startEngine()
	answer := ask[*keystorev1.QueryVotesResponse](b, question)
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{})
	release()
	first := <-answer
	if v := first.GetVotes(); len(v) == 0 || v[0].GetRound() != 0 {
		t.Fatalf("the vote that was being signed isn't told: %v", first)
	}
	if again := <-ask[*keystorev1.QueryVotesResponse](b, question); !proto.Equal(first, again) {
		t.Errorf("told first %v\nand later %v", first, again)
	}
	last := first.GetVotes()[len(first.GetVotes())-1].GetRound()
	r := <-ask[*keystorev1.SignVoteResponse](b, voteAt(6, last+1, prepare, 2))
	if r.GetSignature() == nil {
		t.Errorf("the first vote that wasn't told of was signed: %v", r)
	}
	t.Logf("%d of 21 votes of the dead engine were signed", len(first.GetVotes()))
}

// Whoever gives up while the disk is busy gets no vote that it doesn't know of.
func TestWhoNoLongerWaitsGetsNoSignature(t *testing.T) {
	m := newMachine(t)
	b := startBus(t, m.config())
	started, release := m.holdSync()
	ask[*keystorev1.SignVoteResponse](b, voteAt(6, 0, prepare, 1))
	<-started
	gaveUp := make(chan error, 1)
	b.engine.Post(func() {
		patience := 50 * time.Millisecond
		subsystem.Ask(b.engine, voteAt(6, 0, commit, 1), patience, func(_ proto.Message, err error) { gaveUp <- err })
	})
	var failure *subsystem.Failure
	if err := <-gaveUp; !errors.As(err, &failure) || failure.Code != subsystem.TimedOut {
		t.Fatalf("%v", err)
	}
	<-ask[*keystorev1.PublicKeysResponse](b, &keystorev1.PublicKeys{})
	release()
	if r := <-ask[*keystorev1.QueryVotesResponse](b, question); len(r.GetVotes()) != 1 {
		t.Errorf("%v", r)
	}
}

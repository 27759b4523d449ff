package candidateselection

import (
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
)

func TestSoManyCollationsAreTakenForARelayParent(t *testing.T) {
	w := start(t)
	for i := range maxOffers + 1 {
		pov := fmt.Sprint("pov ", i)
		a := overseertest.Must[*candidateselectionv1.CollationResponse](t, w.submit(made(1, pov), pov))
		if full := i == maxOffers; (a.GetRefused().GetReason() == queueFull) != full {
			t.Errorf("%d: %v", i, a)
		}
	}
	if n := w.Number("waiting"); n != maxOffers-1 {
		t.Error(n)
	}
}

func TestFewProofsAreFetchedAtATime(t *testing.T) {
	w := start(t)
	for c := range byte(8) {
		w.connect(c + 1)
		w.declare(c+1, c+1, para)
		w.advertise(c+1, made(c+1, fmt.Sprint(c)), 1)
	}
	for range 4 {
		w.Advance(slowAfter / 2)
		w.settle()
	}
	if n := w.Number("fetching"); n != maxFetches {
		t.Error(n)
	}
}

func TestSoManyPeersAreRememberedToHaveACollation(t *testing.T) {
	w := start(t)
	r := made(1, "pov")
	for p := range byte(2 * maxSources) {
		w.connect(p + 20)
		w.declare(p+20, 1, para)
		w.advertise(p+20, r, 3)
	}
	if o := w.Handler().(*selection).offers[r.Hash()]; len(o.listeners) != maxSources {
		t.Error(len(o.listeners))
	}
}

func TestOfAllCollationsSoManyAreRemembered(t *testing.T) {
	w := bare(t)
	s := w.Handler().(*selection)
	r := &relayParent{selection: s}
	for i := range maxRemembered + 10 {
		r.take(&offer{hash: primitives.HashOf([]byte(fmt.Sprint(i)))})
	}
	if len(s.offers) != maxRemembered || len(s.remembered) != maxRemembered {
		t.Error(len(s.offers), len(s.remembered))
	}
}

func TestSoManyCollatorsAreBanned(t *testing.T) {
	w := bare(t)
	s := w.Handler().(*selection)
	for i := range maxBanned + 10 {
		s.ban(primitives.HashOf([]byte(fmt.Sprint(i))))
	}
	if len(s.banned) != maxBanned {
		t.Error(len(s.banned))
	}
	w.Advance(banFor)
	if s.ban(primitives.Hash{}); len(s.banned) != 1 {
		t.Error("bans that have ended are kept")
	}
}

func TestManyWatchersAreRefused(t *testing.T) {
	w := start(t)
	r := made(1, "pov")
	w.submit(r, "pov")
	first := w.watch(r)
	for range maxWatchers - 1 {
		w.watch(r)
	}
	if a := w.watch(r); subsystem.CodeOf(a.Err) != subsystem.Overloaded {
		t.Error(a.Err)
	}
	first.Cancel()
	if a := w.watch(r); a.Err != nil {
		t.Error(a.Err)
	}
}

// What comes before the leaf's state is known waits, within a bound.
func TestSoMuchWaitsForALeafsState(t *testing.T) {
	w := bare(t)
	w.answers["Request"] = func(overseertest.Sent) {}
	w.leaf(parent, primitives.Hash{}, 9)
	var answers []*overseertest.Answer
	for i := range maxEarly + 1 {
		answers = append(answers, w.submit(made(1, fmt.Sprint(i)), fmt.Sprint(i)))
	}
	last := answers[maxEarly]
	if r := overseertest.Must[*candidateselectionv1.CollationResponse](t, last); r.GetRefused().GetReason() != queueFull {
		t.Error(r)
	}
	w.stop(parent)
	for _, a := range answers[:maxEarly] {
		if r := overseertest.Must[*candidateselectionv1.CollationResponse](t, a); r.GetRefused().GetReason() != unknownRelayParent {
			t.Fatal(r)
		}
	}
}

func TestOfPastLeavesFewAreRemembered(t *testing.T) {
	w := bare(t)
	for i := range 3 * pastLeaves {
		h := primitives.HashOf([]byte(fmt.Sprint(i)))
		w.leaf(h, primitives.Hash{}, uint64(i))
		w.stop(h)
	}
	if n := len(w.Handler().(*selection).past); n != pastLeaves {
		t.Error(n)
	}
}

// A message that is too much is refused before it is decoded; one as large as any may be isn't.
func TestWhatIsTooMuchForOneMessageIsRefused(t *testing.T) {
	full := &collatorv1.ToValidator{Kind: &collatorv1.ToValidator_Advertise{Advertise: &collatorv1.Advertise{
		Receipt: parachain.ReceiptMessage(made(1, "a")), PovSize: candidate.MaxPoV}}}
	b, err := proto.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var m collatorv1.ToValidator
	if err := decode.Unmarshal(b, &m, wireBudget); err != nil {
		t.Error(err)
	}
	if err := decode.Unmarshal(make([]byte, wireBudget.Bytes+1), &m, wireBudget); !errors.Is(err, decode.ErrBudget) {
		t.Error(err)
	}
}

// FuzzHear: a collator's bytes are a message or a cost, and never more.
func FuzzHear(f *testing.F) {
	f.Add([]byte("nonsense"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		w := start(t)
		w.says(1, payload)
		if len(w.Handler().(*selection).offers) > 1 {
			t.Error("two collations of one message")
		}
	})
}

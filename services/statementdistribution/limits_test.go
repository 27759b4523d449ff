package statementdistribution

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// padded is a message of about so many bytes.
func padded(at primitives.Hash, size int) []byte {
	s := saysAt(at, alice, seconded, 1)
	s.Statement.GetSeconded().Commitments.HeadData = make([]byte, min(size, 64<<10))
	for size -= 64 << 10; size > 0; size -= 64 << 10 {
		c := s.Statement.GetSeconded().Commitments
		c.UpwardMessages = append(c.UpwardMessages, make([]byte, min(size, 64<<10)))
	}
	return encode(&sdv1.Statements{RelayParent: at[:], Statements: []*primitivesv1.SignedStatement{s}})
}

// A peer that sends false signatures has those of one message looked at in a second, and everybody else is heard.
func TestWhoSendsForgedStatementsIsHeardOnceInAWhile(t *testing.T) {
	f := start(t)
	f.connect(1, rp)
	f.connect(2, rp)
	for range 50 {
		f.hear(1, slices.Repeat([]*primitivesv1.SignedStatement{forged(alice, seconded, 1)}, sdv1.MaxStatements)...)
	}
	if n := f.Number("verified"); n != sdv1.MaxStatements || f.Number("charged") != 1 {
		t.Errorf("%d signatures were verified, and it was charged %d times", n, f.Number("charged"))
	}
	f.news()
	f.hear(2, says(bob, seconded, 1))
	f.expect("backing: seconded 1 by 1", "to 1: seconded 1 by 1")
	f.Advance(muteTime)
	f.hear(1, says(alice, seconded, 2))
	f.expect("report 2: "+first, "backing: seconded 2 by 0", "to 2: seconded 2 by 0")
}

// One signature is verified once, however many peers bring it.
func TestAStatementIsVerifiedOnce(t *testing.T) {
	f := start(t)
	for peer := byte(1); peer <= 20; peer++ {
		f.connect(peer, rp)
		f.hear(peer, says(alice, seconded, 1))
	}
	if n := f.Number("verified"); n != 1 {
		t.Errorf("it was verified %d times", n)
	}
}

func TestOfEarlyMessagesOfAPeerFewAreHeld(t *testing.T) {
	f := bare(t)
	f.ours(rp)
	f.connect(1, rp)
	for range 100 {
		f.bytes(1, padded(rp, 100<<10))
	}
	held := f.Number("waiting-bytes")
	if held == 0 || held > maxEarly || f.Number("dropped") == 0 {
		t.Errorf("%d bytes are held, %d messages were dropped", held, f.Number("dropped"))
	}
	f.view(1)
	if n := f.Number("waiting-bytes"); n != 0 {
		t.Errorf("%d bytes are held of what is out of view", n)
	}
}

// A peer that changes its view all the time is told a few times, and what it says meanwhile waits within a bound; the
// last view is the one that counts.
func TestAViewThatChangesAllTheTimeIsSeenAFewTimes(t *testing.T) {
	f := start(t)
	f.share(says(alice, seconded, 1))
	f.connect(1)
	f.news()
	for range 500 {
		f.view(1, rp)
		f.view(1)
	}
	f.view(1, rp)
	if n := len(f.news()); n > viewsAtOnce/2 {
		t.Errorf("it was told %d times", n)
	}
	f.Advance(time.Second)
	f.share(says(bob, valid, 1))
	told := f.news()
	if last := told[len(told)-1]; last != "to 1: valid 1 by 1" {
		t.Errorf("it was told %q", told)
	}
}

func TestWhatWaitsOfAPeerIsBounded(t *testing.T) {
	f := start(t)
	f.connect(1)
	f.connect(2, rp)
	for range viewsAtOnce {
		f.view(1, rp)
		f.view(1)
	}
	for range 100 { // behind a view that has to wait
		f.bytes(1, padded(rp, 100<<10))
	}
	waiting := f.Number("waiting-bytes")
	if waiting == 0 || waiting > maxWaiting || f.Number("dropped") == 0 {
		t.Errorf("%d bytes wait, %d messages were dropped", waiting, f.Number("dropped"))
	}
	f.hear(2, says(bob, seconded, 1))
	f.expect("backing: seconded 1 by 1", "to 1: seconded 1 by 1")
	f.disconnect(1)
	f.Advance(time.Minute)
	if n := f.Number("waiting-bytes"); n != 0 {
		t.Errorf("%d bytes wait of a peer that has gone", n)
	}
}

func TestOfWhatAnEarlierInstanceKnewSoMuchIsPassedOn(t *testing.T) {
	f := fresh(t)
	f.begin(rp)
	f.reset()
	f.connect(1, rp)
	f.ours(rp)
	for n := range maxOrphans + 100 {
		f.hear(1, says(alice, valid, n))
	}
	if n := f.Number("statements"); n != maxOrphans {
		t.Errorf("%d are kept", n)
	}
}

func TestThereAreSoManyListenersAndNoMore(t *testing.T) {
	f := start(t)
	for range maxListeners {
		f.Ask("gateway", &sdv1.RegisterStatementListener{})
	}
	a := f.Ask("gateway", &sdv1.RegisterStatementListener{})
	if subsystem.CodeOf(a.Err) != subsystem.Overloaded || f.Number("listeners") != maxListeners {
		t.Errorf("%v, %d listeners", a.Err, f.Number("listeners"))
	}
}

package vmsdk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// note is a transaction of any sender, nonce and size: "sender nonce padding".
type note struct {
	sender string
	nonce  uint64
	raw    []byte
}

func (n note) ID() ID         { return IDOf(n.raw) }
func (n note) Sender() string { return n.sender }
func (n note) Nonce() uint64  { return n.nonce }
func (n note) Bytes() []byte  { return n.raw }

func written(sender string, nonce uint64, size int) []byte {
	raw := fmt.Appendf(nil, "%s %d ", sender, nonce)
	return append(raw, bytes.Repeat([]byte{'.'}, max(0, size-len(raw)))...)
}

func parseNote(raw []byte) (n note, err error) {
	_, err = fmt.Sscanf(string(raw), "%s %d", &n.sender, &n.nonce)
	n.raw = raw
	return n, err
}

// crowd is a pool with a chain that has accepted so much of each sender, a clock and timers.
type crowd struct {
	*Mempool[note]
	accepted map[string]uint64
	now      time.Time
	timers   []func()
	sent     []string
	events   int
	AppSender
}

func crowded(most amount) *crowd {
	c := &crowd{accepted: map[string]uint64{}, now: time.Unix(0, 0)}
	chain := &Chain{
		Sender: c, Now: func() time.Time { return c.now }, Notify: func(Event) { c.events++ },
		After: func(_ time.Duration, f func()) func() { c.timers = append(c.timers, f); return func() {} },
	}
	c.Mempool = newMempool(chain, most, Rules[note]{Parse: parseNote, Next: c.next})
	return c
}

func (c *crowd) next(_ context.Context, senders []string) ([]uint64, error) {
	due := make([]uint64, len(senders))
	for i, s := range senders {
		due[i] = c.accepted[s]
	}
	return due, nil
}

func (c *crowd) SendAppGossip(_ context.Context, _ SendConfig, gossip []byte) error {
	txs, err := SplitTxs(gossip, maxGossipTxs)
	for _, tx := range txs {
		c.sent = append(c.sent, strings.TrimRight(string(tx), ". "))
	}
	return err
}

// pass lets time pass, and timers fire.
func (c *crowd) pass(d time.Duration) {
	c.now = c.now.Add(d)
	timers := c.timers
	c.timers = nil
	for _, f := range timers {
		f()
	}
}

// post posts a transaction of ten bytes.
func (c *crowd) post(sender string, nonce uint64) error {
	_, errs := c.Add(written(sender, nonce, 10))
	return errs[0]
}

// block accepts what a block of so many transactions takes.
func (c *crowd) block(t testing.TB, most int) (ids []string) {
	t.Helper()
	txs, err := c.Pick(context.Background(), c.next, func(note) bool { most--; return most >= 0 })
	if err != nil {
		t.Fatal(err)
	}
	for _, tx := range txs {
		c.accepted[tx.sender] = tx.nonce + 1
		ids = append(ids, fmt.Sprintf("%s %d", tx.sender, tx.nonce))
	}
	c.Accepted(c.accepted)
	return ids
}

func isBusy(err error) bool { return errors.As(err, new(*BusyError)) }

func TestOneSendersTransactionsWithAGapKeepNobodysOut(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	for nonce := range uint64(20_000) {
		_ = c.post("mallory", nonce+1) // 0 never comes
	}
	if c.Len() != 10 {
		t.Errorf("%d transactions that can't run wait; a sixteenth of the room is 10", c.Len())
	}
	for i := range 160 {
		if err := c.post(fmt.Sprint("user", i), 0); err != nil {
			t.Fatalf("user %d: %v", i, err)
		}
	}
	if got := len(c.block(t, 1000)); got != 160 {
		t.Errorf("a block takes %d of 160", got)
	}
}

func TestAllTransactionsWithAGapHaveASmallShareWhoeverSendsThem(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	for i := range 5000 {
		_ = c.post(fmt.Sprint("mallory", i), 1)
	}
	if c.Len() != 40 || len(c.senders) > 300 || len(c.queue) > 300 {
		t.Errorf("%d wait, of %d known senders, %d in the queue; a quarter of the room is 40", c.Len(), len(c.senders),
			len(c.queue))
	}
	for i := range 160 {
		if err := c.post(fmt.Sprint("user", i), 0); err != nil {
			t.Fatalf("user %d: %v", i, err)
		}
	}
	if c.gaps.count != 0 || c.Len() != 160 {
		t.Errorf("of %d that wait %d can't run: they didn't give way", c.Len(), c.gaps.count)
	}
	if err := c.post("late", 0); !isBusy(err) {
		t.Errorf("a pool full of what can run: %v", err)
	}
	if err := c.post("late", 5); !isBusy(err) {
		t.Errorf("what can't run and a pool full of what can: %v", err)
	}
}

func TestOfWhatHasAGapTheOldestGivesWay(t *testing.T) {
	c := crowded(amount{16, 1 << 20}) // four with a gap
	for i := range 5 {
		if err := c.post(fmt.Sprint("s", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if c.senders["s0"] != nil && len(c.senders["s0"].waiting) > 0 || len(c.senders["s4"].waiting) != 1 {
		t.Error("the first is still there, or the last isn't")
	}
}

func TestWhatHasAGapGoesAfterAMinuteUnlessItCanRunByThen(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	for _, tx := range []struct {
		sender string
		nonce  uint64
	}{{"a", 2}, {"b", 1}, {"a", 1}} {
		if err := c.post(tx.sender, tx.nonce); err != nil {
			t.Fatal(err)
		}
	}
	if c.events != 0 {
		t.Errorf("the engine is notified %d times of what can't run", c.events)
	}
	c.pass(time.Millisecond)
	if len(c.sent) != 0 {
		t.Errorf("other nodes are sent what can't run: %v", c.sent)
	}
	if err := c.post("a", 0); err != nil {
		t.Fatal(err)
	}
	c.pass(10 * time.Millisecond)
	if got := strings.Join(c.sent, ", "); got != "a 0, a 1, a 2" || c.events == 0 {
		t.Errorf("when it can run, other nodes are sent %q and the engine is notified %d times", got, c.events)
	}
	for range 31 {
		c.pass(2 * time.Second)
	}
	if c.Len() != 3 || c.gaps.count != 0 {
		t.Errorf("after a minute %d wait, %d of them with a gap", c.Len(), c.gaps.count)
	}
}

func TestASenderHasAQuarterOfTheRoomInNumberAndBytes(t *testing.T) {
	c := crowded(amount{40, 1 << 20})
	for nonce := range uint64(10) {
		if err := c.post("a", nonce); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.post("a", 10); !isBusy(err) {
		t.Errorf("the eleventh of 40 of one sender: %v", err)
	}
	if err := c.post("b", 0); err != nil {
		t.Errorf("another sender: %v", err)
	}
	c = crowded(amount{10_000, 8 * MaxTxSize})
	taken := 0
	for nonce := range uint64(10) {
		if _, errs := c.Add(written("a", nonce, MaxTxSize)); errs[0] == nil {
			taken++
		}
	}
	if taken != 2 {
		t.Errorf("%d of the largest were taken, of 8 for which there is room; a quarter is 2", taken)
	}
}

func TestThePoolIsBoundedInBytes(t *testing.T) {
	c := crowded(amount{10_000, 8 * MaxTxSize})
	for i := range 20 {
		_, errs := c.Add(written(fmt.Sprint("s", i), 0, MaxTxSize))
		if want := i >= 8; isBusy(errs[0]) != want {
			t.Errorf("transaction %d: %v", i, errs[0])
		}
	}
}

func TestASendersOwnGapsGiveWayToWhatItCanRun(t *testing.T) {
	c := crowded(amount{64, 1 << 20}) // 16 of one sender, four of them with a gap
	for _, nonce := range []uint64{90, 91, 92, 93} {
		if err := c.post("a", nonce); err != nil {
			t.Fatal(err)
		}
	}
	for nonce := range uint64(16) {
		if err := c.post("a", nonce); err != nil {
			t.Fatalf("%d: %v", nonce, err)
		}
	}
	if c.gaps.count != 0 || c.Len() != 16 {
		t.Errorf("%d wait, %d with a gap", c.Len(), c.gaps.count)
	}
}

func TestAPoolThatStaysFullComplainsUntilItIsnt(t *testing.T) {
	c := crowded(amount{8, 1 << 20})
	for i := range 8 {
		_ = c.post(fmt.Sprint("s", i), 0)
	}
	if err := c.Health(); err != nil {
		t.Errorf("full, and nobody was refused: %v", err)
	}
	_ = c.post("more", 0)
	if err := c.Health(); err != nil {
		t.Errorf("full for a moment: %v", err)
	}
	c.now = c.now.Add(fullFor)
	if err := c.Health(); err == nil || !strings.Contains(err.Error(), "full since 00:00:00") {
		t.Errorf("full for %v: %v", fullFor, err)
	}
	c.block(t, 4)
	if err := c.Health(); err != nil {
		t.Errorf("half full: %v", err)
	}
}

func TestNothingIsReplaced(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	for _, nonce := range []uint64{0, 7} {
		if err := c.post("a", nonce); err != nil {
			t.Fatal(err)
		}
		if _, errs := c.Add(written("a", nonce, 20)); errs[0] == nil || isBusy(errs[0]) {
			t.Errorf("a second transaction with nonce %d: %v", nonce, errs[0])
		}
	}
}

func TestGossipIsHeldToTheSameRules(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	var flood [][]byte
	for nonce := range uint64(1000) {
		flood = append(flood, written("mallory", nonce+1, 10))
	}
	if err := c.OnGossip(JoinTxs(flood...)); !isBusy(err) || errors.As(err, new(*InvalidGossipError)) {
		t.Errorf("what may be an honest node's is %v", err)
	}
	if c.Len() != 10 {
		t.Errorf("%d wait", c.Len())
	}
	c.accepted["late"] = 5
	if err := c.OnGossip(JoinTxs(written("late", 4, 10))); err == nil || errors.As(err, new(*InvalidGossipError)) {
		t.Errorf("what comes late is %v", err)
	}
	for _, garbage := range [][]byte{{200, 1, 2}, JoinTxs([]byte("garbage"))} {
		if err := c.OnGossip(garbage); !errors.As(err, new(*InvalidGossipError)) {
			t.Errorf("%q is %v", garbage, err)
		}
	}
}

// What was accepted while it was checked doesn't wait for ever.
func TestATransactionThatIsAcceptedWhileItIsCheckedIsntKept(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	c.rules.Check = func(txs []note) []error {
		c.accepted["a"] = 1
		c.Accepted(map[string]uint64{"a": 1})
		return make([]error, len(txs))
	}
	if err := c.post("a", 0); err == nil || c.Len() != 0 {
		t.Errorf("%v, %d wait", err, c.Len())
	}
}

// What a pool knows of a sender may be old, after a sync of state for instance.
func TestWhatCanRunIsFoundThoughThePoolDoesntKnow(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	_ = c.post("a", 3)
	c.accepted["a"] = 3
	if got := c.block(t, 10); len(got) != 1 {
		t.Errorf("a block takes %v", got)
	}
}

func TestAReadThatFailsIsNobodysFault(t *testing.T) {
	c := crowded(amount{160, 1 << 20})
	c.rules.Next = func(context.Context, []string) ([]uint64, error) { return nil, errors.New("checksum mismatch") }
	if err := c.post("a", 0); !errors.As(err, new(*InternalError)) {
		t.Errorf("a post is answered %v", err)
	}
	if err := c.OnGossip(JoinTxs(written("a", 0, 10))); err == nil || errors.As(err, new(*InvalidGossipError)) {
		t.Errorf("gossip is %v", err)
	}
}

// Whatever users do and blocks take, the figures are those of what waits, and the bounds hold.
func TestTheFiguresAreThoseOfWhatWaits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := crowded(amount{32, 3 * MaxTxSize})
		r.Repeat(map[string]func(*rapid.T){
			"post": func(r *rapid.T) {
				sender := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(r, "sender")
				nonce := c.accepted[sender] + rapid.Uint64Range(0, 12).Draw(r, "ahead")
				_, _ = c.Add(written(sender, nonce, rapid.IntRange(0, 20_000).Draw(r, "size")))
			},
			"block": func(r *rapid.T) { c.block(t, rapid.IntRange(0, 6).Draw(r, "most")) },
			"pass":  func(r *rapid.T) { c.pass(time.Duration(rapid.IntRange(0, 70).Draw(r, "seconds")) * time.Second) },
			"": func(r *rapid.T) {
				var all, gaps amount
				for _, a := range c.senders {
					next := a.due
					for i, p := range a.waiting {
						runs := p.tx.nonce <= next
						if runs {
							next = max(next, p.tx.nonce+1)
						}
						if runs != (i < a.runnable) || runs == p.gap || p.gone {
							r.Fatalf("%s %d can run: %v; the pool says %d of %d can", a.sender, p.tx.nonce, runs,
								a.runnable, len(a.waiting))
						}
						all.add(p, 1)
						if p.gap {
							gaps.add(p, 1)
						}
					}
				}
				if all != c.all || gaps != c.gaps || len(c.byID) != all.count || all.count > 32 ||
					all.bytes > 3*MaxTxSize || gaps.count > 8 {
					r.Fatalf("there are %v, %v with a gap; the pool says %v, %v, %d", all, gaps, c.all, c.gaps, len(c.byID))
				}
			},
		})
	})
}

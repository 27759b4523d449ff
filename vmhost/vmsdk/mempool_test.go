package vmsdk_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// tx is a sender's letter and a nonce.
type tx [2]byte

func (x tx) ID() vmsdk.ID   { return vmsdk.IDOf(x[:]) }
func (x tx) Sender() string { return string(x[:1]) }
func (x tx) Nonce() uint64  { return uint64(x[1] - '0') }
func (x tx) Bytes() []byte  { return x[:] }

func parse(content []byte) (x tx, err error) {
	if len(content) != 2 || content[0] == 'X' {
		return x, errors.New("no transaction")
	}
	return tx(content), nil
}

// nothing has been accepted of any sender.
func nothing(_ context.Context, senders []string) ([]uint64, error) {
	return make([]uint64, len(senders)), nil
}

// network is one in which messages are only counted, with its time and timers.
type network struct {
	vmsdk.AppSender
	now    time.Time
	timers []func()
	pauses []time.Duration
	sent   int
	events int
}

func (w *network) SendAppGossip(_ context.Context, _ vmsdk.SendConfig, gossip []byte) error {
	txs, err := vmsdk.SplitTxs(gossip, 1000)
	w.sent += len(txs)
	return err
}

func (w *network) pass(d time.Duration) {
	w.now = w.now.Add(d)
	timers := w.timers
	w.timers = nil
	for _, f := range timers {
		f()
	}
}

func pool(most int) (*vmsdk.Mempool[tx], *network) { return poolWith(most, nil) }

func poolWith(most int, check func([]tx) []error) (*vmsdk.Mempool[tx], *network) {
	w := &network{now: time.Unix(0, 0)}
	chain := &vmsdk.Chain{
		Sender: w, Now: func() time.Time { return w.now }, Notify: func(vmsdk.Event) { w.events++ },
		After: func(d time.Duration, f func()) func() {
			w.timers, w.pauses = append(w.timers, f), append(w.pauses, d)
			return func() {}
		},
	}
	return vmsdk.NewMempool(chain, most, vmsdk.Rules[tx]{Parse: parse, Next: nothing, Check: check}), w
}

func add(t *testing.T, m *vmsdk.Mempool[tx], txs ...string) {
	t.Helper()
	for _, x := range txs {
		if _, errs := m.Add([]byte(x)); errs[0] != nil {
			t.Fatalf("%s: %v", x, errs[0])
		}
	}
}

func pick(t *testing.T, m *vmsdk.Mempool[tx], due map[string]uint64, most int) (out []string) {
	t.Helper()
	txs, err := m.Pick(t.Context(), func(_ context.Context, senders []string) ([]uint64, error) {
		next := make([]uint64, len(senders))
		for i, s := range senders {
			next[i] = due[s]
		}
		return next, nil
	}, func(tx) bool { most--; return most >= 0 })
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range txs {
		out = append(out, string(x[:]))
	}
	return out
}

func TestASendersTransactionsComeInTheOrderOfTheirNonces(t *testing.T) {
	m, _ := pool(0)
	add(t, m, "a2", "a0", "b1", "a1", "a4")
	if d := cmp.Diff([]string{"a0", "a1", "a2"}, pick(t, m, nil, 10)); d != "" {
		t.Errorf("from the beginning (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"b1", "a2"}, pick(t, m, map[string]uint64{"a": 2, "b": 1}, 10)); d != "" {
		t.Errorf("after some (-want +got)\n%s", d)
	}
	if got := m.NextNonce("a", 0); got != 3 {
		t.Errorf("the next nonce of a is %d, want 3: 3 is missing", got)
	}
}

func TestNobodyCanKeepOthersOut(t *testing.T) {
	m, _ := pool(0)
	add(t, m, "a0", "a1", "a2", "a3", "b0")
	first, second := pick(t, m, nil, 3), pick(t, m, nil, 3)
	if d := cmp.Diff([]string{"a0", "a1", "a2"}, first); d != "" {
		t.Error(d)
	}
	if second[0] != "b0" {
		t.Errorf("the second block begins with %s", second[0])
	}
}

func TestAcceptedTransactionsLeaveAndTheRestIsAnnounced(t *testing.T) {
	m, w := pool(0)
	add(t, m, "a0", "a1", "a2")
	w.events = 0
	m.Accepted(map[string]uint64{"a": 2, "z": 5})
	if m.Len() != 1 || w.events != 1 {
		t.Errorf("%d wait, the engine was notified %d times", m.Len(), w.events)
	}
	m.Accepted(map[string]uint64{"a": 3})
	if m.Len() != 0 || w.events != 1 {
		t.Errorf("%d wait, the engine was notified %d times", m.Len(), w.events)
	}
}

func TestRefusals(t *testing.T) {
	m, _ := pool(2)
	if _, errs := m.Add([]byte("X0")); errs[0] == nil {
		t.Error("what check refuses was taken")
	}
	add(t, m, "a0", "a0", "b0")
	if _, errs := m.Add([]byte("c0")); !errors.As(errs[0], new(*vmsdk.BusyError)) {
		t.Errorf("a full pool: %v", errs[0])
	}
	if _, errs := m.Add(make([]byte, vmsdk.MaxTxSize+1)); errs[0] == nil {
		t.Error("a huge transaction was taken")
	}
}

func TestWhatWaitsLongIsSentAgainLessAndLessOften(t *testing.T) {
	m, w := pool(0)
	add(t, m, "a0")
	w.pass(time.Millisecond)
	if w.sent != 1 {
		t.Fatalf("sent %d times at once", w.sent)
	}
	for range 60 {
		w.pass(time.Second)
	}
	if w.sent < 3 || w.sent > 7 {
		t.Errorf("in a minute a waiting transaction was sent %d times", w.sent)
	}
	m.Accepted(map[string]uint64{"a": 1})
	w.pass(time.Hour)
	if w.pass(time.Hour); len(w.timers) != 0 {
		t.Error("an empty pool keeps timers running")
	}
}

func TestGossipMayBeAnything(t *testing.T) {
	m, w := pool(0)
	if err := m.OnGossip(vmsdk.JoinTxs([]byte("a0"), []byte("X1"), []byte("b0"))); err == nil {
		t.Error("a refused transaction went unnoticed")
	}
	if m.Len() != 2 || w.events != 1 {
		t.Errorf("%d wait", m.Len())
	}
	for _, bad := range [][]byte{{0x80}, {5, 1}, binary.AppendUvarint(nil, 1<<40), {0x81, 0x00, 'a'}} {
		if err := m.OnGossip(bad); err == nil {
			t.Errorf("%x was taken", bad)
		}
	}
}

func FuzzSplitTxs(f *testing.F) {
	f.Add(vmsdk.JoinTxs([]byte("a"), nil, []byte("bcd")))
	f.Add([]byte{0x80, 0x00})
	f.Fuzz(func(t *testing.T, batch []byte) {
		txs, err := vmsdk.SplitTxs(batch, 100)
		if err == nil && fmt.Sprint(vmsdk.JoinTxs(txs...)) != fmt.Sprint(batch) {
			t.Errorf("%x has another encoding", batch)
		}
	})
}

// wide is a transaction of many possible senders: two bytes name the sender, one the nonce.
type wide [3]byte

func (x wide) ID() vmsdk.ID   { return vmsdk.IDOf(x[:]) }
func (x wide) Sender() string { return string(x[:2]) }
func (x wide) Nonce() uint64  { return uint64(x[2]) }
func (x wide) Bytes() []byte  { return x[:] }

func TestSendersWithGapsDoNotKeepOthersOut(t *testing.T) {
	chain := &vmsdk.Chain{
		Now: time.Now, Notify: func(vmsdk.Event) {}, After: func(time.Duration, func()) func() { return nil },
	}
	m := vmsdk.NewMempool(chain, 0, vmsdk.Rules[wide]{
		Parse: func(content []byte) (wide, error) { return wide(content), nil }, Next: nothing,
	})
	var batch [][]byte
	for i := range 9000 { // none of these is due
		batch = append(batch, []byte{byte(i >> 8), byte(i), 1})
	}
	m.Add(append(batch, []byte{0xff, 0xff, 0})...)
	for range 3 {
		txs, err := m.Pick(t.Context(), func(_ context.Context, senders []string) ([]uint64, error) {
			return make([]uint64, len(senders)), nil
		}, func(wide) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if len(txs) == 1 {
			return
		}
	}
	t.Fatal("three blocks were built without the one transaction that is due")
}

func TestWhatAnotherNodeSentIsLeftToItForAWhile(t *testing.T) {
	m, w := pool(0)
	if err := m.OnGossip(vmsdk.JoinTxs([]byte("a0"))); err != nil {
		t.Fatal(err)
	}
	for range 14 {
		w.pass(time.Second)
	}
	if w.sent != 0 {
		t.Fatalf("sent %d times in 14 s, though another node does that", w.sent)
	}
	for range 10 {
		w.pass(time.Second)
	}
	if w.sent != 1 {
		t.Errorf("sent %d times in 24 s: that node may be gone", w.sent)
	}
}

func TestWhatCameInABlockIsKeptAsFarAsThereIsRoom(t *testing.T) {
	m, w := pool(8) // two of one sender
	m.Checked(tx{'a', '0'}, tx{'a', '1'}, tx{'a', '2'})
	if d := cmp.Diff([]string{"a0", "a1"}, pick(t, m, nil, 10)); d != "" {
		t.Error(d)
	}
	if w.events != 0 || w.sent != 0 {
		t.Errorf("%d events, sent %d: everybody has the block", w.events, w.sent)
	}
}

func TestTheFirstTransactionIsSentAtOnceAndMoreTravelTogether(t *testing.T) {
	m, w := pool(0)
	add(t, m, "a0")
	first := w.pauses[0]
	w.pass(0)
	w.now = w.now.Add(time.Millisecond)
	w.pauses = nil
	add(t, m, "a1", "a2")
	if first != 0 || len(w.pauses) != 1 || w.pauses[0] != 4*time.Millisecond {
		t.Errorf("sent after %v, then after %v; want at once, then once 5 ms later", first, w.pauses)
	}
}

func TestWhatComesDuringACheckIsCheckedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var batches []int
		m, w := poolWith(0, func(txs []tx) []error {
			batches = append(batches, len(txs))
			<-gate
			return make([]error, len(txs))
		})
		refused := make(map[string]error)
		var lock sync.Mutex
		post := func(x string) {
			_, errs := m.Add([]byte(x))
			lock.Lock()
			defer lock.Unlock()
			refused[x] = errs[0]
		}
		go post("a0")
		synctest.Wait()
		for _, x := range []string{"b0", "X0", "c0"} {
			go post(x)
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if d := cmp.Diff([]int{1, 2}, batches); d != "" {
			t.Errorf("checked together: %s", d)
		}
		if len(refused) != 4 || refused["X0"] == nil || refused["a0"] != nil || refused["b0"] != nil ||
			refused["c0"] != nil {
			t.Errorf("everybody hears of the own transaction alone: %v", refused)
		}
		if m.Len() != 3 || w.events != 2 {
			t.Errorf("%d wait, %d events", m.Len(), w.events)
		}
	})
}

func TestATransactionWhoseCheckPanickedCountsAsTakenForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, calls := make(chan struct{}), 0
		m, _ := poolWith(0, func(txs []tx) []error {
			<-gate
			if calls++; calls == 2 {
				panic("a VM's mistake")
			}
			return make([]error, len(txs))
		})
		panics, refused := 0, 0
		var lock sync.Mutex
		post := func(x string) {
			defer func() {
				lock.Lock()
				defer lock.Unlock()
				if recover() != nil { // as an HTTP server does
					panics++
				}
			}()
			if _, errs := m.Add([]byte(x)); errs[0] != nil {
				lock.Lock()
				defer lock.Unlock()
				refused++
			}
		}
		go post("a0")
		synctest.Wait()
		go post("b0")
		go post("c0")
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if panics != 1 || refused != 1 || m.Len() != 1 {
			t.Errorf("%d panicked, %d refused, %d wait; want 1 of each", panics, refused, m.Len())
		}
		add(t, m, "b0") // and it goes on
	})
}

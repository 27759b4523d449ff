package vmsdk

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// ofSender is the part of the room that one sender may have.
	ofSender = 4
	// gapsInAll and gapsOfSender are the parts for what has a gap before it.
	gapsInAll    = 4
	gapsOfSender = 16
	// gapAge is for how long it waits.
	gapAge = time.Minute
	// usedAge is after how long what a block has used up goes, if nobody has said that the block is accepted.
	usedAge = time.Minute
	// fullFor is how long a pool is full before that is a complaint.
	fullFor = 5 * time.Second
)

// amount is how many transactions, of how many bytes.
type amount struct{ count, bytes int }

func (a *amount) add(p interface{ size() int }, sign int) {
	a.count += sign
	a.bytes += sign * p.size()
}

// holds tells whether one more, of so many bytes, stays within the limit.
func (a amount) holds(limit amount, size int) bool {
	return a.count < limit.count && a.bytes+size <= limit.bytes
}

func (a amount) part(n int) amount { return amount{max(1, a.count/n), max(MaxTxSize, a.bytes/n)} }

type limits struct{ all, ofSender, gaps, gapsOfSender amount }

func limitsOf(all amount) limits {
	return limits{all: all, ofSender: all.part(ofSender), gaps: all.part(gapsInAll), gapsOfSender: all.part(gapsOfSender)}
}

// room is what a Mempool holds.
type room[T Tx] struct {
	all, gaps amount
	// queue has what has a gap, the oldest first, and some that hasn't any more or is gone.
	queue []*pending[T]
	// full is since when there is no room for what can run; zero: there is.
	full time.Time
}

func (p *pending[T]) size() int { return len(p.tx.Bytes()) }

// next is the nonce that follows what can run.
func (a *account[T]) next() uint64 {
	if a.runnable == 0 {
		return a.due
	}
	return max(a.due, a.waiting[a.runnable-1].tx.Nonce()+1)
}

// isDue learns a sender's next nonce, and what can run now.
func (m *Mempool[T]) isDue(a *account[T], nonce uint64) {
	a.due = max(a.due, nonce)
	for a.runnable < len(a.waiting) && a.waiting[a.runnable].tx.Nonce() <= a.next() {
		if p := a.waiting[a.runnable]; p.gap {
			p.gap = false
			m.gaps.add(p, -1)
			a.gaps.add(p, -1)
			m.tell(p)
		}
		a.runnable++
	}
}

// worthChecking leaves out what would find no room, before anything that costs is done for it.
func (m *Mempool[T]) worthChecking(offers []*offer[T]) []*offer[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	runnable := m.all.count - m.gaps.count
	follows := make(map[string]uint64) // by sender, after those before in the list
	return slices.DeleteFunc(offers, func(o *offer[T]) bool {
		sender, nonce := o.tx.Sender(), o.tx.Nonce()
		a, next := m.senders[sender], max(o.due, follows[sender])
		if a != nil {
			next = max(next, a.next())
		}
		if nonce <= next {
			follows[sender] = nonce + 1
		}
		switch {
		case runnable >= m.limit.all.count:
			m.isFull()
			o.err = busy(whyFull)
		case nonce > next && a != nil && !a.gaps.holds(m.limit.gapsOfSender, len(o.content)):
			o.err = busy(whyGaps)
		}
		return !errors.Is(o.err, errUnchecked)
	})
}

// Why there is no room, and what to do.
const (
	whyFull   = "as many transactions wait as there is room for"
	whySender = "as many transactions of this sender wait as one may have"
	whyGaps   = "too many transactions of this sender wait for one with a lower nonce; post that one first"
)

func busy(reason string) error { return &BusyError{RetryAfter: time.Second, Reason: reason} }

// makeRoom makes room for one more, or says why there is none.
func (m *Mempool[T]) makeRoom(p *pending[T]) error {
	a, size := p.of, p.size()
	if p.gap && !a.gaps.holds(m.limit.gapsOfSender, size) {
		return busy(whyGaps)
	}
	for !a.all.holds(m.limit.ofSender, size) {
		if p.gap || a.gaps.count == 0 {
			return busy(whySender)
		}
		m.drop(a.waiting[len(a.waiting)-1]) // the last one to run, if ever
	}
	for p.gap && !m.gaps.holds(m.limit.gaps, size) && m.dropOldestGap() {
	}
	for !m.all.holds(m.limit.all, size) {
		if !m.dropOldestGap() {
			m.isFull()
			return busy(whyFull)
		}
	}
	return nil
}

// oldestGap is what has waited longest for one with a lower nonce; nil: nothing does.
func (m *Mempool[T]) oldestGap() *pending[T] {
	for len(m.queue) > 0 {
		if p := m.queue[0]; p.gap && !p.gone {
			return p
		}
		m.queue[0] = nil
		m.queue = m.queue[1:]
	}
	return nil
}

func (m *Mempool[T]) dropOldestGap() bool {
	p := m.oldestGap()
	if p != nil {
		m.drop(p)
	}
	return p != nil
}

func (m *Mempool[T]) count(p *pending[T]) {
	m.all.add(p, 1)
	p.of.all.add(p, 1)
	if p.gap {
		m.gaps.add(p, 1)
		p.of.gaps.add(p, 1)
	}
}

// drop forgets a transaction: one that has a gap before it, or the first of its sender.
func (m *Mempool[T]) drop(p *pending[T]) {
	a := p.of
	at, _ := a.find(p.tx.Nonce())
	a.waiting = slices.Delete(a.waiting, at, at+1)
	delete(m.byID, p.tx.ID())
	p.gone = true
	m.all.add(p, -1)
	a.all.add(p, -1)
	if p.gap {
		m.gaps.add(p, -1)
		a.gaps.add(p, -1)
	} else {
		a.runnable--
	}
	if m.all.count <= m.limit.all.count*9/10 && m.all.bytes <= m.limit.all.bytes*9/10 {
		m.full = time.Time{}
	}
	if len(a.waiting) == 0 {
		m.empty++
	}
	m.tidy()
}

// tidy forgets senders that have nothing, and what has left the queue, when there are more of them than of others.
func (m *Mempool[T]) tidy() {
	if m.empty > len(m.order)/2+64 {
		m.forgetEmpty()
	}
	if len(m.queue) > 2*m.gaps.count+64 {
		m.queue = slices.DeleteFunc(m.queue, func(p *pending[T]) bool { return p.gone || !p.gap })
	}
}

func (m *Mempool[T]) forgetEmpty() {
	m.order = slices.DeleteFunc(m.order, func(a *account[T]) bool {
		if a.listed = len(a.waiting) > 0; !a.listed {
			delete(m.senders, a.sender)
		}
		return !a.listed
	})
	m.empty = 0
}

// expire drops what has waited too long for one with a lower nonce.
func (m *Mempool[T]) expire(now time.Time) {
	for p := m.oldestGap(); p != nil && now.Sub(p.since) >= gapAge; p = m.oldestGap() {
		m.drop(p)
	}
}

func (m *Mempool[T]) isFull() {
	if m.full.IsZero() {
		m.full = m.chain.Now()
	}
}

// Health is nil, or that the pool has been full for a while: a VM returns it from HealthCheck.
func (m *Mempool[T]) Health() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full.IsZero() || m.chain.Now().Sub(m.full) < fullFor {
		return nil
	}
	return fmt.Errorf("the pool of transactions is full since %v: %d of %d bytes wait, of %d and %d; others are refused",
		m.full.UTC().Format(time.TimeOnly), m.all.count, m.all.bytes, m.limit.all.count, m.limit.all.bytes)
}

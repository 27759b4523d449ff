package vmsdk

import (
	"context"
	"slices"
)

// NoncesFunc says which nonce is due for each of many senders.
type NoncesFunc func(ctx context.Context, senders []string) ([]uint64, error)

// Pick chooses transactions for a block, senders that wait longest first and each sender's in the order of its nonces.
// next speaks of the state after the block's parent; fits ends the choice by saying no.
func (m *Mempool[T]) Pick(ctx context.Context, next NoncesFunc, fits func(T) bool) ([]T, error) {
	accounts := m.listed()
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.sender
	}
	due, err := next(ctx, names)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var picked []T
	for i, a := range accounts {
		m.forgetUsed(a, due[i])
		m.isDue(a, due[i])
		nonce := due[i]
		start, _ := a.find(nonce)
		for _, p := range a.waiting[start:] {
			if p.tx.Nonce() != nonce {
				break
			}
			if !fits(p.tx) {
				return picked, nil
			}
			picked = append(picked, p.tx)
			m.chain.tracing.link(p.tx.ID())
			nonce++
		}
	}
	return picked, nil
}

// forgetUsed drops what has been used up for so long that the block that did it is decided.
func (m *Mempool[T]) forgetUsed(a *account[T], due uint64) {
	for now := m.chain.Now(); len(a.waiting) > 0; {
		p := a.waiting[0]
		if p.tx.Nonce() >= due || now.Sub(p.since) < usedAge {
			return
		}
		m.drop(p)
	}
}

// listed is a copy of the first senders in order that have something that can run, and of a few others. The first goes
// to the end of the list, so that a sender with endless transactions can't keep the others out; when there are more
// than one Pick looks at, all it has looked at go there.
func (m *Mempool[T]) listed() (list []*account[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetEmpty()
	var stay, running, doubted []*account[T]
	for _, a := range m.order {
		switch {
		case a.runnable > 0 && len(running) < maxListed:
			running, list = append(running, a), append(list, a)
		case a.runnable == 0 && len(doubted) < maxDoubted:
			doubted, list = append(doubted, a), append(list, a)
		default:
			stay = append(stay, a)
		}
	}
	if first := min(len(running), 1); len(running) < maxListed {
		m.order = slices.Concat(running[first:], stay, doubted, running[:first])
	} else {
		m.order = slices.Concat(stay, doubted, running)
	}
	return list
}

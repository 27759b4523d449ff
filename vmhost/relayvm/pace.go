package relayvm

import (
	"sync"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// pace tells the engine when a block is due that has nothing in it but the time.
type pace struct {
	chain *vmsdk.Chain

	mu     sync.Mutex
	turn   uint64 // the timer that counts: earlier ones may fire late
	cancel func()
	over   bool
}

func (p *pace) open(chain *vmsdk.Chain) { p.chain = chain }

// at has a block wanted at a time, and not at the one said before.
func (p *pace) at(due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if p.over {
		return
	}
	p.turn++
	turn := p.turn
	p.cancel = p.chain.After(max(0, due.Sub(p.chain.Now())), func() { p.fire(turn) })
}

func (p *pace) fire(turn uint64) {
	p.mu.Lock()
	counts := turn == p.turn && !p.over
	p.mu.Unlock()
	if counts {
		p.chain.Notify(vmsdk.EventPendingTxs)
	}
}

func (p *pace) clear() {
	if p.cancel != nil {
		p.cancel()
		p.cancel = nil
	}
}

func (p *pace) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.clear()
}

package statementdistribution

import "slices"

// queue takes something from a peer in its turn. When too much waits already its messages are dropped, all of them, and
// the newest view stays.
func (d *distribution) queue(p *peer, i item) {
	if n := len(p.waiting); i.isView && n > 0 && p.waiting[n-1].isView {
		p.waiting[n-1] = i
		return
	}
	if p.bytes+i.size() > maxWaiting {
		d.overflow(p)
	}
	p.waiting = append(p.waiting, i)
	p.bytes += i.size()
	d.next(p)
}

func (d *distribution) overflow(p *peer) {
	d.sub.Log.Debug("a peer says more than can be done: it is dropped", "peer", p.id.String(),
		"messages", len(p.waiting))
	d.dropped += int64(len(p.waiting))
	var newest []item
	for _, i := range slices.Backward(p.waiting) {
		if i.isView {
			newest = []item{i}
			break
		}
	}
	p.waiting, p.bytes = newest, len(newest)*itemOverhead
}

// next does what waits, until something of it takes time.
func (d *distribution) next(p *peer) {
	for !p.busy && len(p.waiting) > 0 && d.peers[p.id] == p {
		i := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.bytes -= i.size()
		switch {
		case i.isView:
			d.look(p, i)
		case d.sub.Now().Before(p.muted):
			d.dropped++
		case i.said != nil:
			d.hear(p, i.said)
		default:
			d.open(p, i.payload)
		}
	}
}

// look takes a peer's view, when its turn has come.
func (d *distribution) look(p *peer, i item) {
	now := d.sub.Now()
	if wait := p.views.ReserveN(now, 1).DelayFrom(now); wait > 0 {
		p.busy = true
		d.sub.After(wait, func() {
			p.busy = false
			d.see(p, i)
			d.next(p)
		})
		return
	}
	d.see(p, i)
}

func (d *distribution) see(p *peer, i item) {
	if d.peers[p.id] == p {
		d.send(d.known.PeerView(p.id, i.view))
		d.dropEarly(p)
	}
}

// open reads a peer's message.
func (d *distribution) open(p *peer, payload []byte) {
	said, err := read(payload)
	if err != nil {
		d.sub.Log.Debug("a peer sent what can't be read", "peer", p.id.String(), "why", err)
		d.judge(p, unreadable)
		return
	}
	d.hear(p, said)
}

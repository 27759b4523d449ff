package vmsdk

// tree holds the one Go value of each block that matters: the last accepted, those that are processing, and a bounded
// number of others that were parsed or built lately.
type tree struct {
	lastAccepted Block
	preferred    ID
	processing   map[ID]Block
	recent       map[ID]Block
	order        []ID
	bytes        int
}

// Bounds of what is kept of blocks that may never be verified: strangers send them.
const (
	maxRecent      = 256
	maxRecentBytes = 32 << 20
)

func newTree(lastAccepted Block) *tree {
	return &tree{
		lastAccepted: lastAccepted, preferred: lastAccepted.ID(), processing: map[ID]Block{}, recent: map[ID]Block{},
	}
}

// live is a block that others can build on.
func (t *tree) live(id ID) (Block, bool) {
	if id == t.lastAccepted.ID() {
		return t.lastAccepted, true
	}
	b, ok := t.processing[id]
	return b, ok
}

// prefer sets the block to build on; false when nobody can.
func (t *tree) prefer(id ID) bool {
	_, ok := t.live(id)
	if ok {
		t.preferred = id
	}
	return ok
}

// known is any block that is at hand.
func (t *tree) known(id ID) (Block, bool) {
	if b, ok := t.live(id); ok {
		return b, true
	}
	b, ok := t.recent[id]
	return b, ok
}

// remember returns the one value for the block: the one already at hand, or b from now on.
func (t *tree) remember(b Block) Block {
	if old, ok := t.known(b.ID()); ok {
		return old
	}
	t.recent[b.ID()] = b
	t.order = append(t.order, b.ID())
	t.bytes += len(b.Bytes())
	for len(t.order) > 1 && (len(t.order) > maxRecent || t.bytes > maxRecentBytes) {
		t.forgetOldest()
	}
	return b
}

func (t *tree) forgetOldest() {
	oldest := t.order[0]
	t.order = t.order[1:]
	if b, ok := t.recent[oldest]; ok {
		t.bytes -= len(b.Bytes())
		delete(t.recent, oldest)
	}
}

// verified makes the block processing.
func (t *tree) verified(b Block) {
	t.processing[b.ID()] = b
	if _, ok := t.recent[b.ID()]; ok {
		t.bytes -= len(b.Bytes())
		delete(t.recent, b.ID())
	}
}

// accepted moves the tree's root. The caller has checked that it is a child of the old one.
func (t *tree) accepted(b Block) {
	delete(t.processing, b.ID())
	t.lastAccepted = b
	if _, ok := t.live(t.preferred); !ok {
		t.preferred = b.ID()
	}
}

func (t *tree) rejected(id ID) {
	delete(t.processing, id)
	if t.preferred == id {
		t.preferred = t.lastAccepted.ID()
	}
}

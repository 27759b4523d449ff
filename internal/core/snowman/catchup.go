package snowman

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// catchUp brings a node that lags to where the network is. It trusts nobody's word: a frontier is gathered, the highest
// block of it that somebody proves by its certificate is the target, and what leads to it is tied to it by hashes. So
// one honest peer is enough. The blocks are then accepted in height order, each with its own certificate and executed
// by the VM. While it is active the rest of the core is suspended.
type catchUp struct {
	*turn
	chain    block.Chain
	rand     *rand.Rand
	sample   int // nodes whose frontier is asked for
	asking   *asking
	roster   *roster
	accepted *accepted
	rest     rest
	// certifies checks a block's certificate; why is empty when it holds.
	certifies func(certificate []byte, b *block.Block) (p *finality.Proof, why string)
	// certified takes a block that somebody says is decided.
	certified func(from primitives.NodeID, b *block.Block, certificate []byte)

	behind time.Time // since when the network has been ahead
	at     uint64    // own height then
	looked time.Time // somebody was asked for the next block alone; zero: not since behind
	retry  time.Time // not before
	round
}

// rest is what catching up wants of the rest of the core.
type rest interface {
	// suspend stops polls; nothing is issued or built until one of the others is called.
	suspend()
	// adopt accepts a block with its certificate, issued here or not.
	adopt(b *block.Block, certificate *finality.Proof)
	// ask asks somebody for the next block alone, who has it.
	ask(nodes []primitives.NodeID)
	// resume goes on as before: it didn't work out.
	resume()
	// arrived goes on where the network was.
	arrived()
}

// round is one attempt.
type round struct {
	stage     stage
	question  uint32 // the number of the one that is open, to all
	waiting   int    // answers still to come
	asked     uint64 // the stake of those who were asked it
	heard     uint64 // of those among them who have answered
	ids       []primitives.Hash
	endorsers map[primitives.Hash][]primitives.NodeID // who has accepted it

	target   primitives.Hash
	ancestry *ancestry
	from     []primitives.NodeID
	failed   int    // requests in a row that brought nothing
	request  uint32 // for ancestors; 0: none is open

	requested time.Time // it was, then
	fetches   int       // such requests
}

type stage uint8

const (
	following stage = iota // nothing to do
	askingFrontier
	askingAccepted
	fetchingAncestors // and executing
)

const (
	farBehind   = 8                      // heights; above that nothing but catching up helps
	nearBehind  = 400 * time.Millisecond // that far behind only by a few blocks: asking for one after the other will do
	oneBehind   = 30 * time.Millisecond  // by one block: its votes are under way
	catchUpWait = 250 * time.Millisecond // before another round
	frontierIDs = 20                     // gathered at most
	window      = 64                     // blocks passed to the VM and not yet durable
)

func (u *catchUp) active() bool { return u.stage != following }

// next is when follow may have something to do, if that is a matter of time only: it isn't while the VM is behind.
func (u *catchUp) next() (at time.Time, ok bool) {
	switch {
	case u.stage == following && !u.behind.IsZero() && u.near():
		if at = u.behind.Add(nearBehind); u.askAt().Before(at) {
			at = u.askAt()
		}
	case u.stage == following && !u.behind.IsZero():
		at = later(u.behind.Add(nearBehind), u.retry)
	case u.stage == fetchingAncestors && u.request == 0:
		at = u.retry
	}
	return at, u.now.Before(at)
}

// follow starts to catch up when the network is ahead and polls don't bring this node forward.
func (u *catchUp) follow() {
	if u.stage == fetchingAncestors {
		u.execute()
		return
	}
	network, own := u.roster.network, u.accepted.root.Height
	if network <= own {
		u.behind = time.Time{}
		return
	}
	if u.behind.IsZero() || u.at != own {
		u.behind, u.at, u.looked = u.now, own, time.Time{}
	}
	switch {
	case u.active():
	case u.near():
		u.askForNext()
	case !u.now.Before(u.retry) && len(u.accepted.pending) == 0:
		u.askFrontier()
	}
}

// near tells whether the network is ahead by so little, and since so lately, that one block after the other will do.
func (u *catchUp) near() bool {
	return u.roster.network <= u.at+farBehind && u.now.Sub(u.behind) < nearBehind
}

// askForNext asks one of those who have decided the next block for it and its certificate: what this node has missed
// nobody sends again by itself, and the network goes on meanwhile.
func (u *catchUp) askForNext() {
	if u.now.Before(u.askAt()) {
		return
	}
	u.looked = u.now
	if nodes := u.roster.connected(beyond(u.at + 1)); len(nodes) > 0 {
		i := u.rand.IntN(len(nodes))
		u.rest.ask(nodes[i : i+1])
	}
}

// askAt is when to ask for the next block: at once when the network is more than one ahead, and again after a while.
func (u *catchUp) askAt() time.Time {
	switch {
	case !u.looked.IsZero():
		return u.looked.Add(refetch)
	case u.roster.network > u.at+1:
		return u.behind
	}
	return u.behind.Add(oneBehind)
}

func (u *catchUp) askFrontier() {
	u.rest.suspend()
	u.retry = time.Time{}
	u.round = round{
		stage: askingFrontier, question: u.asking.nextID(), endorsers: make(map[primitives.Hash][]primitives.NodeID),
	}
	nodes := u.roster.connected(credible)
	u.rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	id := u.question
	u.askAll(requests.AcceptedFrontier, nodes[:min(len(nodes), u.sample)], func(nodes ...primitives.NodeID) Action {
		return SendGetAcceptedFrontier{Nodes: nodes, RequestID: id}
	})
}

func (u *catchUp) askAccepted() {
	if len(u.ids) == 0 {
		u.giveUp()
		return
	}
	u.stage, u.question = askingAccepted, u.asking.nextID()
	id, ids := u.question, u.ids
	u.askAll(requests.Accepted, u.roster.connected(credible), func(nodes ...primitives.NodeID) Action {
		return SendGetAccepted{Nodes: nodes, RequestID: id, IDs: ids}
	})
}

// askAll asks the nodes one question. The answers of more than half of their stake will do, if they say anything.
func (u *catchUp) askAll(
	answer requests.Answer, nodes []primitives.NodeID, question func(...primitives.NodeID) Action,
) {
	again := func(n primitives.NodeID) Action { return question(n) }
	sent := u.asking.open(u.question, answer, again, nodes...)
	u.asked, u.heard = 0, 0
	for _, n := range sent {
		u.asked += u.roster.set.Stake(n)
	}
	if u.waiting = len(sent); len(sent) == 0 {
		u.giveUp()
		return
	}
	u.emit(question(sent...))
}

// credible is for those who may still be asked: they answer, and haven't claimed what they couldn't prove.
func credible(p *peer) bool { return !p.unproven && !p.benched() }

// giveUp goes back to following; another round may begin after a pause.
func (u *catchUp) giveUp() {
	u.round, u.retry = round{}, u.now.Add(catchUpWait)
	u.rest.resume()
}

func (u *catchUp) onAcceptedFrontier(in AcceptedFrontier) {
	if u.stage != askingFrontier || in.RequestID != u.question {
		return
	}
	if !slices.Contains(u.ids, in.ID) && !u.accepted.has(in.ID) && len(u.ids) < frontierIDs {
		u.ids = append(u.ids, in.ID)
	}
	u.hear(in.Node, len(u.ids) > 0)
}

func (u *catchUp) onAccepted(in Accepted) {
	if in.RequestID != u.question {
		return
	}
	if u.stage == fetchingAncestors && slices.Contains(in.IDs, u.target) {
		u.from = append(u.from, in.Node) // late, but one more who can be asked
	}
	if u.stage != askingAccepted {
		return
	}
	for _, id := range u.ids {
		if slices.Contains(in.IDs, id) {
			u.endorsers[id] = append(u.endorsers[id], in.Node)
		}
	}
	u.hear(in.Node, len(u.endorsers) > 0)
}

// requestFailed is called for a request of catching up that ended without an answer.
func (u *catchUp) requestFailed(k requests.Key) {
	frontier := k.Answer == requests.AcceptedFrontier && u.stage == askingFrontier
	accepted := k.Answer == requests.Accepted && u.stage == askingAccepted
	switch {
	case k.ID == u.question && (frontier || accepted):
		u.waiting--
		u.goOn(u.waiting == 0)
	case k.Answer == requests.Ancestors && u.stage == fetchingAncestors && k.ID == u.request:
		u.request = 0
		u.unlucky(k.Node)
	}
}

// hear counts an answer. The slow ones aren't waited for, unless nobody has said anything useful yet.
func (u *catchUp) hear(n primitives.NodeID, useful bool) {
	u.waiting--
	u.heard += u.roster.set.Stake(n)
	u.goOn(u.waiting == 0 || useful && u.heard > u.asked/2)
}

// goOn goes to the next stage, if enough have answered.
func (u *catchUp) goOn(enough bool) {
	switch {
	case !enough:
	case u.stage == askingFrontier:
		u.askAccepted()
	default:
		u.choose()
	}
}

// choose takes the block that is said to be the highest, any of those when nobody says. Whoever lies about a height
// makes this node go a shorter way than it could; whoever names a block that it can't prove isn't asked again.
func (u *catchUp) choose() {
	var target primitives.Hash
	var highest, equal uint64
	for _, id := range u.ids {
		switch height := u.heightOf(id); {
		case len(u.endorsers[id]) == 0:
		case target.IsZero() || height > highest:
			target, highest, equal = id, height, 1
		case height == highest:
			if equal++; u.rand.Uint64N(equal) == 0 {
				target = id
			}
		}
	}
	if target.IsZero() {
		u.giveUp()
		return
	}
	u.stage, u.retry = fetchingAncestors, u.now
	u.target, u.ancestry, u.from = target, newAncestry(target), u.endorsers[target]
}

// heightOf is the greatest height at which somebody says to have accepted the block; 0: nobody says.
func (u *catchUp) heightOf(id primitives.Hash) (height uint64) {
	for _, p := range u.roster.voters {
		if p != nil && p.accepted == id {
			height = max(height, p.height)
		}
	}
	return height
}

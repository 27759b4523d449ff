package para

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	adv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// povSize is that of every candidate's proof of validity, in bytes.
const povSize = 5 << 20

// available is the data of all candidates: it is the same for all, and so is its erasure root.
type available struct {
	pov        []byte
	validation candidate.PersistedValidationData
	coded      erasure.Coded
}

func newAvailable() *available {
	a := &available{pov: make([]byte, povSize), validation: candidate.PersistedValidationData{
		ParentHead: []byte("head"), RelayParentNumber: 1, MaxPoVSize: povSize,
	}}
	rand.NewChaCha8([32]byte{1}).Read(a.pov) //nolint:errcheck // it never fails
	data, err := candidate.AvailableData{PoV: a.pov, ValidationData: a.validation}.Encode()
	if err != nil {
		panic(err) // it is as long as it may be
	}
	coder, err := erasure.New(erasure.CodecFor(validators), validators)
	if err == nil {
		err = coder.Encode(data, &a.coded)
	}
	if err != nil {
		panic(err) // there may be so many validators
	}
	return a
}

// chunk is a validator's.
func (a *available) chunk(v int) *primitivesv1.ErasureChunk {
	c := a.coded.Chunk(v)
	m := &primitivesv1.ErasureChunk{Index: c.Index, Content: &primitivesv1.ErasureChunk_Chunk{Chunk: c.Bytes}}
	for _, h := range c.Proof {
		m.Proof = append(m.Proof, h[:])
	}
	return m
}

// chunks: on each core lies a candidate of 5 MiB, the first one of this node's group. This node takes its own chunk of
// the others, and the others theirs of that one: sent without being asked for, as nodes do, or by asking.
type chunks struct {
	bridge
	*available
	asking bool
}

func newChunks(st *stage, asking bool) *chunks {
	c := &chunks{available: newAvailable(), asking: asking}
	c.bridge = bridge{stage: st, event: func(e *nbv1.NetworkBridgeEvent) proto.Message {
		return &adv1.NetworkBridgeUpdate{Event: e}
	}, asked: c.onAsked, sent: func([]byte, int) { c.did() }}
	return c
}

func playPushed(st *stage) player { return newChunks(st, false) }
func playAsked(st *stage) player  { return newChunks(st, true) }

func (c *chunks) roles() []role {
	return []role{
		c.role(), {name: "availability-store", on: c.store},
		{name: "candidate-backing", sends: []proto.Message{&adv1.DistributeChunk{}}, on: (*subsystem.Message).Unknown},
	}
}

// store has all of the candidate of this node's group, and of the others what it is given.
func (c *chunks) store(m *subsystem.Message) {
	switch q := m.Body.(type) {
	case *storev1.QueryChunkAvailability:
		m.Reply(&storev1.QueryChunkAvailabilityResponse{Available: c.ours(q.GetCandidate())})
	case *storev1.StoreChunk:
		m.Reply(&storev1.StoreChunkResponse{Outcome: storev1.StoreChunkResponse_OUTCOME_STORED})
		c.did()
	case *storev1.QueryChunk:
		m.Reply(&storev1.QueryChunkResponse{Chunk: c.chunk(int(q.GetValidator()))})
	case *storev1.QueryAvailableData:
		m.Reply(&storev1.QueryAvailableDataResponse{})
	case *storev1.QueryAllChunks:
		m.End()
	}
}

// ours tells whether a candidate is that of this node's group, of the last block.
func (c *chunks) ours(id []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, on := range c.candidates {
		if own := hashOf(on[0]); string(own[:]) == string(id) {
			return true
		}
	}
	return false
}

// onAsked answers as a peer that has all chunks.
func (c *chunks) onAsked(m *subsystem.Message, q *nbv1.SendRequest) {
	var part adv1.PartRequest
	if err := proto.Unmarshal(q.GetPayload(), &part); err != nil {
		m.Fail(err)
		return
	}
	chunk := c.chunk(int(part.GetIndex()))
	payload := encoded(&adv1.Part{
		Size: uint64(len(chunk.GetChunk())), Bytes: chunk.GetChunk(), Proof: chunk.GetProof(),
	})
	c.in.Add(int64(len(payload)))
	m.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: payload}})
}

// lie puts new candidates on a block's cores.
func (c *chunks) lie(number uint64) (ids []primitives.Hash) {
	var on []candidate.CommittedReceipt
	for core := range c.cores {
		r := c.world.candidate(blockHash(number-1), core, c.coded.Root())
		on, ids = append(on, r), append(ids, hashOf(r))
	}
	c.occupy(blockHash(number), on)
	return ids
}

func (c *chunks) block(ctx context.Context, number uint64) error {
	if number == 1 { // chunks are sent to the validators of a leaf that is known
		c.connect()
		c.grow(number)
		return c.learned(ctx)
	}
	ids := c.lie(number)
	if !c.asking {
		c.expect(validators - 1 + c.cores - 1)
		c.push(ids)
		c.grow(number)
		return c.settle(ctx)
	}
	c.expect(c.cores - 1)
	c.grow(number)
	if err := c.settle(ctx); err != nil {
		return err
	}
	for first := own + 1; first < validators; first += atOnce {
		c.expect(min(atOnce, validators-first))
		c.ask(ids[0], number, first)
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many peers ask at the same time: the bridge takes no more bytes of answers than its credit.
const atOnce = 100

// ask has some peers ask for their chunks.
func (c *chunks) ask(id primitives.Hash, number uint64, first int) {
	var questions []*nbv1.NetworkBridgeEvent
	for v := first; v < min(first+atOnce, validators); v++ {
		q := encoded(&adv1.PartRequest{Candidate: id[:], Index: uint32(v), Length: adv1.MaxPart})
		c.in.Add(int64(len(q)))
		questions = append(questions, &nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{
			PeerRequest: &nbv1.PeerRequest{Peer: c.nodes[v], RequestId: number, Payload: q, DeadlineMs: 1000}}})
	}
	c.tell(questions...)
}

// learned waits until the subject knows who the validators are: until then it sends nobody a chunk.
func (c *chunks) learned(ctx context.Context) error {
	id := hashOf(c.world.candidate(blockHash(0), 0, c.coded.Root()))
	for c.expect(1); ; {
		c.as("candidate-backing", func(sub *subsystem.Sub) {
			sub.Send(&adv1.DistributeChunk{Candidate: id[:], Chunk: c.chunk(own + 1)})
		})
		select {
		case <-c.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// push has a backer of each other candidate send this node's chunk, and candidate-backing hand over everybody's of its
// own.
func (c *chunks) push(ids []primitives.Hash) {
	var gifts []*nbv1.NetworkBridgeEvent
	mine := c.chunk(own)
	for core, id := range ids[1:] {
		gifts = append(gifts, c.message(int(group(core + 1)[0]), encoded(&adv1.Pushed{
			Candidate: id[:], Index: own, Chunk: mine.GetChunk(), Proof: mine.GetProof()})))
	}
	c.tell(gifts...)
	c.as("candidate-backing", func(sub *subsystem.Sub) {
		for v := own + 1; v < validators; v++ {
			sub.Send(&adv1.DistributeChunk{Candidate: ids[0][:], Chunk: c.chunk(v)})
		}
	})
}

// recovering: one candidate's data is put together from chunks of other validators.
type recovering struct{ *chunks }

func playRecovery(st *stage) player {
	r := &recovering{newChunks(st, true)}
	r.sent = nil
	return r
}

func (r *recovering) roles() []role {
	return append(r.chunks.roles(), role{name: "misbehavior-arbitration",
		asks: []proto.Message{&adv1.RecoverAvailableData{}}, on: (*subsystem.Message).Unknown})
}

// block recovers a candidate that lies on no core, so its backers aren't known and each chunk is asked of its owner.
func (r *recovering) block(ctx context.Context, number uint64) error {
	if number == 1 {
		r.connect()
		r.grow(1)
	}
	c := r.world.candidate(blockHash(1), int(number), r.coded.Root())
	short, err := c.Receipt()
	if err != nil {
		return err
	}
	id, failed := short.Hash(), make(chan error, 1)
	r.expect(1)
	r.as("misbehavior-arbitration", func(sub *subsystem.Sub) {
		q := &adv1.RecoverAvailableData{Candidate: id[:], Receipt: parachain.ReceiptMessage(short), Session: session}
		subsystem.Ask(sub, q, patience, func(a *adv1.RecoverAvailableDataResponse, err error) {
			if a.GetData() == nil {
				failed <- errNotRecovered
				return
			}
			r.did()
		})
	})
	select {
	case err := <-failed:
		return err
	case <-r.done:
		return nil
	}
}

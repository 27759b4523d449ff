package availabilitydistribution

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// recovered checks that the data of a candidate was recovered.
func (w *world) recovered(a *overseertest.Answer, p *para) {
	w.t.Helper()
	data := overseertest.Must[*distributionv1.RecoverAvailableDataResponse](w.t, a).GetData()
	if data == nil {
		w.t.Fatalf("%v", a.Reply)
	}
	b, err := w.Blobs.Get(data.GetPov().GetBlockData(), 0, -1)
	if err != nil || string(b.Bytes()) != string(p.pov) {
		w.t.Fatalf("another proof of validity: %v", err)
	}
	b.Close()
	if got, err := parachain.ValidationData(data.GetValidationData()); err != nil || !cmp.Equal(got, validation) {
		w.t.Errorf("another context: %v, %v", got, err)
	}
}

// unavailable checks that too little could be had.
func (w *world) unavailable(a *overseertest.Answer, have, need uint32) {
	w.t.Helper()
	r := overseertest.Must[*distributionv1.RecoverAvailableDataResponse](w.t, a).GetUnavailable()
	if r == nil || r.GetHave() != have || r.GetNeed() != need {
		w.t.Errorf("%v; want %d of %d", a.Reply, have, need)
	}
}

// asked is whose chunks other nodes were asked for, in order.
func (w *world) asked() (list []string) {
	for _, s := range w.story {
		if strings.HasPrefix(s, "ask") {
			list = append(list, s)
		}
	}
	w.story = nil
	return list
}

// A12, availability_is_recovered_from_chunks_if_no_group_provided: whoever holds its chunk is asked, those first whose
// chunks are the data itself.
func TestA12DataIsRecoveredFromTheChunksOfThoseWhoHoldThem(t *testing.T) {
	for _, size := range []int{1, 1000, 1 << 20} {
		w := start(t, 10, 9)
		for v := range 10 {
			w.holder(v)
		}
		p := w.para(1, size)
		w.recovered(w.recover(p), p)
		want := []string{"ask 0 for chunk 0", "ask 1 for chunk 1", "ask 2 for chunk 2", "ask 3 for chunk 3"}
		if diff := cmp.Diff(want, w.asked()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// The others are asked by chance, as many as it takes.
func TestA12WithoutTheFirstAnyOthersWillDo(t *testing.T) {
	w := start(t, 10, 9)
	w.leaf(leafA, 1)
	for _, v := range []int{2, 5, 6, 8} {
		w.holder(v)
	}
	p := w.para(1, 1000)
	w.recovered(w.recover(p), p)
}

// A12, bad_merkle_path_leads_to_recovery_error, and A14, wrong_chunk_index_leads_to_recovery_error: what is wrong is
// ignored and costs; with enough that are right it is recovered, with fewer it is unavailable, which says nothing.
func TestA12A14WrongChunksAreIgnored(t *testing.T) {
	for right, enough := range map[int]bool{3: false, 4: true} {
		w := start(t, 10, 9)
		w.leaf(leafA, 1)
		p := w.para(1, 1000)
		for v := range 9 {
			w.holder(v)
			if v >= right {
				other := (v + 1) % 10
				w.peers[v] = func(*distributionv1.PartRequest) *distributionv1.Part { return p.part(other, 0) }
			}
		}
		if a := w.recover(p); enough {
			w.recovered(a, p)
		} else {
			w.unavailable(a, 3, 4)
			if !slices.Contains(w.story, "report 5: -100 a chunk that the erasure root doesn't commit to") {
				t.Errorf("%q", w.story)
			}
		}
	}
}

// The backers, which have all chunks, are asked first, for the data itself.
func TestTheBackersAreAskedForAllOfIt(t *testing.T) {
	w := start(t, 10, 9, 7, 8)
	w.honest(7)
	p := w.para(1, 1000)
	w.holds(p, 9)
	w.leaf(leafA, 1, p)
	w.story = nil
	w.recovered(w.recover(p), p)
	want := []string{"ask 7 for chunk 0", "ask 7 for chunk 1", "ask 7 for chunk 2"}
	if diff := cmp.Diff(want, w.asked()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A backer that doesn't answer costs its time once, and not for each chunk.
func TestASilentBackerIsAskedForFewChunks(t *testing.T) {
	w := start(t, 40, 39, 7)
	w.peers[7] = func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	for v := range 40 {
		if v != 7 {
			w.holder(v)
		}
	}
	p := w.para(1, 1000)
	w.holds(p, 39)
	w.leaf(leafA, 1, p)
	w.story = nil
	a := w.recover(p)
	w.late()
	w.recovered(a, p)
	silent := 0
	for _, s := range w.asked() {
		if strings.HasPrefix(s, "ask 7 ") {
			silent++
		}
	}
	if silent > atOnce+1 { // the last is for its own chunk
		t.Errorf("it was asked %d times", silent)
	}
}

// A16, returns_early_if_we_have_the_data.
func TestA16WithTheDataAtHomeNobodyIsAsked(t *testing.T) {
	w := start(t, 10, 9)
	p := w.para(1, 1000)
	w.data[p.id] = true
	if a := w.recover(p); overseertest.Must[*distributionv1.RecoverAvailableDataResponse](t, a).GetData() == nil {
		t.Errorf("%v", a.Reply)
	}
	w.told()
}

// A16, does_not_query_local_validator: this node's own chunk comes from the store or not at all.
func TestA16ItsOwnChunkIsNotAskedFor(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		w := start(t, 4, 0)
		w.leaf(leafA, 1)
		w.holder(1)
		p := w.para(1, size)
		w.holds(p, 0)
		w.recovered(w.recover(p), p)
		w.told("ask 1 for chunk 1", "report 1: 10 a chunk")
		delete(w.stored, p.id)
		w.unavailable(w.recover(p), 1, 2)
	}
}

// What the store gives is looked at like everything else.
func TestAChunkThatIsSpoiledAtHomeIsAskedFor(t *testing.T) {
	w := start(t, 4, 3)
	w.holder(0)
	w.holder(1)
	p, other := w.para(1, 1000), paraOf(t, 2, 1000, 4)
	w.holds(p, 1)
	good := w.all[p.id]
	w.all[p.id] = other
	a := w.Ask("dispute", &distributionv1.RecoverAvailableData{
		Candidate: p.id[:], Receipt: parachain.ReceiptMessage(p.receipt)})
	for list := w.Sent(); len(list) > 0; list = w.Sent() {
		for _, s := range list {
			if _, network := s.Body.(*nbv1.SendRequest); network {
				w.all[p.id] = good
			}
			w.answer(s)
		}
	}
	w.recovered(a, p)
}

// A18, task_canceled_when_receivers_dropped.
func TestA18WhenNobodyWaitsAnyMoreNobodyIsAsked(t *testing.T) {
	nobody := func(*distributionv1.PartRequest) *distributionv1.Part { return nil }
	w := start(t, 10, 9)
	for v := range 9 {
		w.peers[v] = nobody
	}
	a := w.recover(w.para(1, 1000))
	if n := len(w.asked()); n != 4 {
		t.Fatalf("%d were asked", n)
	}
	a.Cancel()
	if n := w.Number("recoveries"); n != 0 {
		t.Errorf("%d recoveries", n)
	}
	w.late()
	w.told()

	w = start(t, 10, 9, 0, 1)
	w.peers[0] = nobody
	p := w.para(1, 1000)
	w.holds(p, 9)
	w.leaf(leafA, 1, p)
	a = w.Ask("dispute", &distributionv1.FetchChunk{Candidate: p.id[:], Index: 3})
	w.serve()
	a.Cancel()
	w.late()
	w.told("ask 0 for chunk 3")
}

// An encoder that commits to chunks of no data is found out whichever chunks are had, and they are the evidence.
func TestARootThatIsThatOfNoDataIsInvalidWithEvidence(t *testing.T) {
	const n = 10
	w := start(t, n, 9)
	for v := range n {
		w.holder(v)
	}
	p := w.para(1, 300_000)
	garbage, root := dishonest(t, p, n)
	p.commit(root)
	w.all[p.id] = p
	for v := range n {
		w.peers[v] = func(q *distributionv1.PartRequest) *distributionv1.Part {
			return partOf(garbage[q.GetIndex()], q.GetOffset(), q.GetLength())
		}
	}
	r := overseertest.Must[*distributionv1.RecoverAvailableDataResponse](t, w.recover(p)).GetInvalid()
	if r == nil {
		t.Fatal("it isn't invalid")
	}
	coder, err := erasure.New(erasure.CodecFor(n), n)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []erasure.Chunk
	for _, m := range r.GetChunks() {
		c := erasure.Chunk{Index: m.GetIndex(), Bytes: w.bytes(m)}
		for _, h := range m.GetProof() {
			c.Proof = append(c.Proof, primitives.Hash(h))
		}
		if m.GetBlob() == nil || coder.Verify(root, c) != nil {
			t.Errorf("chunk %d is no evidence", m.GetIndex())
		}
		chunks = append(chunks, c)
	}
	var into erasure.Coded
	if err := coder.Reconstruct(chunks, &into); err != nil || len(chunks) != 4 {
		t.Fatalf("the evidence can't be decoded: %v", err)
	}
	var again erasure.Coded
	if err := coder.Encode(into.Data(), &again); err != nil {
		t.Fatal(err)
	}
	if actual := again.Root(); string(r.GetActualRoot()) != string(actual[:]) || actual == root {
		t.Errorf("it says that the root is %x, it is %x", r.GetActualRoot(), actual)
	}
}

// dishonest makes chunks with proofs under a root of their own: the data's, but for one, which is parity of nothing.
func dishonest(t *testing.T, p *para, n int) (chunks []erasure.Chunk, root primitives.Hash) {
	t.Helper()
	hash := primitives.HashOf
	leaves := make([]primitives.Hash, 1<<4) // of 10 chunks
	for i := range n {
		c := p.coded.Chunk(i)
		c.Bytes = slices.Clone(c.Bytes)
		if i == n-1 {
			c.Bytes[7] ^= 1
		}
		chunks = append(chunks, c)
		leaves[i] = hash(c.Bytes)
	}
	for i := range chunks {
		chunks[i].Proof = nil
		for level, at := leaves, i; len(level) > 1; level, at = above(level), at/2 {
			chunks[i].Proof = append(chunks[i].Proof, level[at^1])
		}
	}
	top := leaves
	for len(top) > 1 {
		top = above(top)
	}
	size := len(chunks[0].Bytes)
	head := []byte{2, byte(erasure.CodecFor(n)), 0, 0, 0, byte(n),
		byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	return chunks, hash(append(head, top[0][:]...))
}

// above is the next level of the tree.
func above(level []primitives.Hash) (up []primitives.Hash) {
	for i := 0; i < len(level); i += 2 {
		up = append(up, primitives.HashOf(append(append([]byte{1}, level[i][:]...), level[i+1][:]...)))
	}
	return up
}

// Chunks of something that is no candidate's data are right as chunks, and the candidate is invalid.
func TestChunksOfSomethingElseAreInvalid(t *testing.T) {
	w := start(t, 4, 3)
	p := &para{}
	p.encode(t, []byte("anything but available data"), 4)
	w.all[p.id] = p
	w.holder(0)
	w.holder(1)
	r := overseertest.Must[*distributionv1.RecoverAvailableDataResponse](t, w.recover(p)).GetInvalid()
	if root := p.coded.Root(); string(r.GetActualRoot()) != string(root[:]) || len(r.GetChunks()) != 2 {
		t.Errorf("%v", r)
	}
}

func TestASingleValidatorsDataIsRecoveredFromItsOneChunk(t *testing.T) {
	w := start(t, 1, 0, 0)
	p := w.para(1, 1000)
	w.leaf(leafA, 1)
	w.holds(p, 0)
	w.recovered(w.recover(p), p)
	w.told()
}

// The state after a candidate's relay parent is forgotten long before its data. Whose the chunks are is known for as long
// as the session is remembered.
func TestAnOldCandidateIsRecoveredByTheSessionThatItNames(t *testing.T) {
	w := start(t, 10, 9)
	for v := range 10 {
		w.holder(v)
	}
	w.leaf(leafB, 400)
	w.pruned, w.session = leafA, 3
	p := w.para(1, 1000)
	ask := func(session uint32) *overseertest.Answer {
		a := w.Ask("block-producer", &distributionv1.RecoverAvailableData{
			Candidate: p.id[:], Receipt: parachain.ReceiptMessage(p.receipt), Session: session})
		w.serve()
		return a
	}
	w.recovered(ask(3), p)
	w.unavailable(ask(2), 0, 0)
}

func TestWhatCantBeAskedIsUnavailableAndWrongQuestionsAreRefused(t *testing.T) {
	w := start(t, 10, 9)
	w.blind = true
	p := w.para(1, 1000)
	w.unavailable(w.recover(p), 0, 0)
	for _, q := range []*distributionv1.RecoverAvailableData{
		{}, {Candidate: make([]byte, 32), Receipt: parachain.ReceiptMessage(p.receipt)},
	} {
		if a := w.Ask("dispute", q); subsystem.CodeOf(a.Err) != subsystem.Refused {
			t.Errorf("%v, %v", a.Reply, a.Err)
		}
	}
	w.told()
}

func TestFetchChunk(t *testing.T) {
	const (
		unknown = distributionv1.FetchChunkResponse_MISSING_UNKNOWN_CANDIDATE
		outside = distributionv1.FetchChunkResponse_MISSING_INDEX_OUT_OF_RANGE
		nobody  = distributionv1.FetchChunkResponse_MISSING_NOT_FOUND
	)
	w := start(t, 4, 3, 0)
	p, stranger := w.para(1, 1<<20), w.para(2, 100)
	w.honest(0)
	w.holder(2)
	w.holds(p, 3)
	w.leaf(leafA, 1, p)
	fetch := func(p *para, i int) *distributionv1.FetchChunkResponse {
		a := w.Ask("dispute", &distributionv1.FetchChunk{Candidate: p.id[:], Index: uint32(i)})
		w.serve()
		return overseertest.Must[*distributionv1.FetchChunkResponse](t, a)
	}
	is := func(r *distributionv1.FetchChunkResponse, i int) {
		t.Helper()
		want := p.chunk(i)
		if c := r.GetChunk(); c == nil || int(c.GetIndex()) != i || string(w.bytes(c)) != string(want.GetChunk()) ||
			!cmp.Equal(c.GetProof(), want.GetProof()) {
			t.Errorf("chunk %d: %v", i, r.GetMissing())
		}
	}
	is(fetch(p, 3), 3)
	w.told()
	is(fetch(p, 1), 1)
	w.told("ask 0 for chunk 1", "report 0: 10 a chunk")
	delete(w.peers, 0)
	is(fetch(p, 2), 2)
	w.told("ask 0 for chunk 2", "ask 2 for chunk 2", "report 2: 10 a chunk")
	got := []distributionv1.FetchChunkResponse_Missing{
		fetch(stranger, 0).GetMissing(), fetch(p, 4).GetMissing(), fetch(p, 1).GetMissing()}
	if diff := cmp.Diff([]distributionv1.FetchChunkResponse_Missing{unknown, outside, nobody}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.Advance(time.Second)
}

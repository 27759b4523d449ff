package availabilitystore_test

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/availabilitystore"
)

const (
	dataStored   = storev1.StoreAvailableDataResponse_OUTCOME_STORED
	dataHere     = storev1.StoreAvailableDataResponse_OUTCOME_ALREADY_STORED
	dataWrong    = storev1.StoreAvailableDataResponse_OUTCOME_INVALID_ERASURE_ROOT
	dataNone     = storev1.StoreAvailableDataResponse_OUTCOME_NOT_ENCODABLE
	dataNoBlob   = storev1.StoreAvailableDataResponse_OUTCOME_BLOB_MISSING
	dataNoSpace  = storev1.StoreAvailableDataResponse_OUTCOME_NO_SPACE
	dataFailed   = storev1.StoreAvailableDataResponse_OUTCOME_DISK_FAILED
	chunkStored  = storev1.StoreChunkResponse_OUTCOME_STORED
	chunkHere    = storev1.StoreChunkResponse_OUTCOME_ALREADY_STORED
	chunkUnknown = storev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE
	chunkOther   = storev1.StoreChunkResponse_OUTCOME_INDEX_MISMATCH
	chunkNoBlob  = storev1.StoreChunkResponse_OUTCOME_BLOB_MISSING
	chunkNoSpace = storev1.StoreChunkResponse_OUTCOME_NO_SPACE
	chunkFailed  = storev1.StoreChunkResponse_OUTCOME_DISK_FAILED
)

func TestItKnowsItsWholeEnum(t *testing.T) {
	d := &disk{fs: vfs.NewMem(), room: 1 << 40}
	overseertest.Exhaustive(t, availabilitystore.Spec(availabilitystore.Config{Chain: "relay", Open: d.open}))
}

// A1, store_chunk_does_nothing_if_no_entry_already and store_chunk_works.
func TestA1AChunkIsKeptOnceItsCandidateIsBacked(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	if o := w.storeChunk(p, 2); o != chunkUnknown || w.hasChunk(p, 2) {
		t.Fatalf("%v", o)
	}
	w.block(1, event(backed, p))
	if o := w.storeChunk(p, 2); o != chunkStored || !w.hasChunk(p, 2) {
		t.Errorf("%v", o)
	}
	if o := w.storeChunk(p, 2); o != chunkHere {
		t.Errorf("again: %v", o)
	}
}

// A2, query_chunk_checks_meta.
func TestA2ItSaysThatAChunkIsHereOfThatChunkAlone(t *testing.T) {
	w, p, other := start(t, 4), paraOf(t, 1, 100, 4), paraOf(t, 2, 100, 4)
	w.block(1, event(backed, p), event(backed, other))
	w.storeChunk(p, 2)
	for v := range uint32(6) {
		if got := w.hasChunk(p, v); got != (v == 2) || w.hasChunk(other, v) {
			t.Errorf("chunk %d: %v", v, got)
		}
	}
	if w.hasData(p) {
		t.Error("it has the data")
	}
}

// A3, store_pov_and_query_chunk_works and query_all_chunks_works.
func TestA3DataIsCutIntoAllItsChunks(t *testing.T) {
	for _, size := range []int{1, 1000, 1 << 20} { // chunks of the last are too long for a message
		w, p := start(t, 10), paraOf(t, 1, size, 10)
		if o := w.storeData(p); o != dataStored || !w.hasData(p) {
			t.Fatalf("%v", o)
		}
		for v := range uint32(10) {
			if !w.hasChunk(p, v) {
				t.Errorf("chunk %d isn't here", v)
			}
		}
		a := w.Ask("availability-distribution", &storev1.QueryAllChunks{Candidate: p.id[:]})
		if !a.Done || a.Err != nil || len(a.Items) != 10 {
			t.Fatalf("%d chunks, %v", len(a.Items), a.Err)
		}
		for i, item := range a.Items {
			c := item.(*storev1.QueryAllChunksResponse).GetChunk()
			want := p.chunk(uint32(i))
			if c.GetIndex() != uint32(i) || !slices.EqualFunc(c.GetProof(), want.GetProof(), slices.Equal) ||
				string(w.bytes(c)) != string(want.GetChunk()) {
				t.Errorf("chunk %d is another one: %d", i, c.GetIndex())
			}
		}
		if o := w.storeData(p); o != dataHere {
			t.Errorf("again: %v", o)
		}
	}
}

// A4, store_available_data_erasure_mismatch.
func TestA4DataWithAnotherErasureRootIsNotKept(t *testing.T) {
	w, p := start(t, 10), paraOf(t, 1, 1000, 10)
	a := w.data(p, primitives.HashOf([]byte("another")))
	if o := overseertest.Must[*storev1.StoreAvailableDataResponse](t, a).GetOutcome(); o != dataWrong {
		t.Errorf("%v", o)
	}
	if w.hasData(p) || w.hasChunk(p, 0) || w.Number("proposed-candidates") != 0 {
		t.Error("something is kept")
	}
	if o := w.storeData(p); o != dataStored {
		t.Errorf("with its own root: %v", o)
	}
}

func TestASingleValidatorKeepsAllInOneChunk(t *testing.T) {
	w, p := start(t, 1), paraOf(t, 1, 1000, 1)
	w.block(1, event(backed, p))
	if o := w.storeData(p); o != dataStored || !w.hasChunk(p, 0) || w.hasChunk(p, 1) {
		t.Errorf("%v", o)
	}
}

func TestALongChunkComesByReference(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 1<<20, 4)
	w.block(1, event(backed, p))
	chunk := p.chunk(1)
	ref, err := w.Blobs.Put("availability-distribution", chunk.GetChunk(), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	chunk.Content = &primitivesv1.ErasureChunk_Blob{Blob: ref}
	a := w.Ask("availability-distribution", &storev1.StoreChunk{Candidate: p.id[:], Validator: 1, Chunk: chunk})
	if o := overseertest.Must[*storev1.StoreChunkResponse](t, a).GetOutcome(); o != chunkStored || !w.hasChunk(p, 1) {
		t.Errorf("%v", o)
	}
	chunk = p.chunk(2)
	chunk.Content = &primitivesv1.ErasureChunk_Blob{Blob: &primitivesv1.BlobRef{Hash: make([]byte, 32), Size: 9}}
	a = w.Ask("availability-distribution", &storev1.StoreChunk{Candidate: p.id[:], Validator: 2, Chunk: chunk})
	if o := overseertest.Must[*storev1.StoreChunkResponse](t, a).GetOutcome(); o != chunkNoBlob || w.hasChunk(p, 2) {
		t.Errorf("%v", o)
	}
}

func TestAChunkOfAnotherIndexIsNotKept(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	w.block(1, event(backed, p))
	long := p.chunk(1)
	long.Proof = make([][]byte, 17)
	for name, q := range map[string]*storev1.StoreChunk{
		"another's":        {Candidate: p.id[:], Validator: 1, Chunk: p.chunk(2)},
		"nobody's":         {Candidate: p.id[:], Validator: 4, Chunk: &primitivesv1.ErasureChunk{Index: 4}},
		"a proof too long": {Candidate: p.id[:], Validator: 1, Chunk: long},
	} {
		a := w.Ask("availability-distribution", q)
		if o := overseertest.Must[*storev1.StoreChunkResponse](t, a).GetOutcome(); o != chunkOther {
			t.Errorf("%s: %v", name, o)
		}
	}
}

func TestWhatIsNoDataIsNotEncoded(t *testing.T) {
	w, p := start(t, 4), paraOf(t, 1, 100, 4)
	ref := &primitivesv1.BlobRef{Hash: make([]byte, 32), Size: 100}
	whole := func() *storev1.StoreAvailableData {
		return &storev1.StoreAvailableData{Candidate: p.id[:], Validators: 4, Data: &primitivesv1.AvailableData{
			Pov: &primitivesv1.PoV{BlockData: ref}, ValidationData: &primitivesv1.PersistedValidationData{
				RelayParentStorageRoot: make([]byte, 32)},
		}}
	}
	missing := whole()
	nobody, many, nameless, large := whole(), whole(), whole(), whole()
	nobody.Validators, many.Validators, nameless.Candidate = 0, 1<<31, nil
	large.Data.Pov.BlockData = &primitivesv1.BlobRef{Hash: make([]byte, 32), Size: candidate.MaxPoV + 1}
	got := map[string]storev1.StoreAvailableDataResponse_Outcome{}
	for name, q := range map[string]*storev1.StoreAvailableData{
		"a session of nobody": nobody, "a session of too many": many, "no candidate": nameless, "too large": large,
		"nothing": {Candidate: p.id[:], Validators: 4}, "a blob that isn't there": missing,
	} {
		a := w.Ask("candidate-backing", q)
		got[name] = overseertest.Must[*storev1.StoreAvailableDataResponse](t, a).GetOutcome()
	}
	if diff := cmp.Diff(map[string]storev1.StoreAvailableDataResponse_Outcome{
		"a session of nobody": dataNone, "a session of too many": dataNone, "no candidate": dataNone,
		"too large": dataNone, "nothing": dataNone, "a blob that isn't there": dataNoBlob,
	}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

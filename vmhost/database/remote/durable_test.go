package remote_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

// committing is a client of a host that has committed two blocks, which aren't durable: the first has written a, the
// second b. Nobody has written c.
func committing(t *testing.T) *remote.Client {
	t.Helper()
	host := memdb.New().Open()
	client := overDirect(host)
	for height, key := range []string{"a", "b"} {
		client.Stage(uint64(height+1), batch(key, "new"))
		if err := host.Write(ctx, batch(key, "new"), database.NoSync); err != nil {
			t.Fatal(err)
		}
		client.Settle()
	}
	return client
}

func TestWhatIsntDurableYetIsReadByBlocksAtOnceAndByUsersLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := committing(t)
		expect(t, client, "a", "new")
		answered := make(map[string]bool)
		done := make(chan string)
		for _, key := range []string{"a", "b"} {
			go func() {
				expect(t, client.Durable(), key, "new")
				done <- key
			}()
		}
		take := func() {
			for synctest.Wait(); ; synctest.Wait() {
				select {
				case key := <-done:
					answered[key] = true
				default:
					return
				}
			}
		}
		if take(); len(answered) > 0 {
			t.Errorf("answered before anything was durable: %v", answered)
		}
		client.Committed(1)
		if take(); !answered["a"] || answered["b"] {
			t.Errorf("with the first block durable these are answered: %v", answered)
		}
		client.Committed(2)
		if take(); !answered["b"] {
			t.Error("the last block is durable, and its reader still waits")
		}
	})
}

func TestAReadOfWhatNoBlockHasJustChangedDoesntWait(t *testing.T) {
	client := committing(t)
	if _, err := client.Durable().Get(ctx, []byte("c")); !errors.Is(err, database.ErrNotFound) {
		t.Errorf("an absent key: %v", err)
	}
	if values, err := client.Durable().GetBatch(ctx, [][]byte{[]byte("c"), []byte("d")}); err != nil ||
		values[0] != nil {
		t.Errorf("absent keys: %v, %v", values, err)
	}
}

func TestARangeWaitsForAllThatItMayShow(t *testing.T) {
	client := committing(t)
	client.Alone = true
	for height, want := range []bool{false, false, true} {
		client.Committed(uint64(height))
		it := client.Durable().Iterate(ctx, nil, nil)
		if shown := it.Next(); shown != want || want != (it.Err() == nil) {
			t.Errorf("durable up to %d: shown %v, %v", height, shown, it.Err())
		}
		it.Close()
	}
}

func TestWhoCantWaitIsToldToAskAgain(t *testing.T) {
	client := committing(t)
	client.Alone = true
	_, err := client.Durable().Get(ctx, []byte("a"))
	_, has := client.Durable().Has(ctx, []byte("b"))
	if !errors.Is(err, remote.ErrNotDurable) || !errors.Is(has, remote.ErrNotDurable) {
		t.Errorf("%v, %v", err, has)
	}
}

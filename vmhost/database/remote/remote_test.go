package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/databasetest"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/inproc"
)

var ctx = context.Background()

func overDirect(db database.Database) *remote.Client {
	conn := inproc.New()
	pluginv1.RegisterDatabaseServiceServer(conn, remote.NewService(db))
	return remote.NewClient(conn, 0)
}

func overPipe(t *testing.T, db database.Database) *remote.Client {
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	service := remote.NewService(db)
	pluginv1.RegisterDatabaseServiceServer(server, service)
	go server.Serve(listener)
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn,
			error) {
			return listener.DialContext(ctx)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop(); service.Close() })
	return remote.NewClient(conn, 0)
}

func TestSuiteDirect(t *testing.T) {
	databasetest.Run(t, func(*testing.T) database.Database { return overDirect(memdb.New().Open()) })
}

func TestSuiteOverAPipe(t *testing.T) {
	databasetest.Run(t, func(t *testing.T) database.Database { return overPipe(t, memdb.New().Open()) })
}

func batch(key, value string) *database.Batch {
	var b database.Batch
	b.Put([]byte(key), []byte(value))
	return &b
}

func expect(t *testing.T, db database.Reader, key, want string) {
	t.Helper()
	if got, err := db.Get(ctx, []byte(key)); err != nil || string(got) != want {
		t.Errorf("Get(%s) = %q, %v; want %q", key, got, err, want)
	}
}

func TestAVMReadsWhatItsAcceptedBlockWrote(t *testing.T) {
	host := memdb.New().Open()
	client := overDirect(host)
	if err := host.Write(ctx, batch("a", "old"), database.Sync); err != nil {
		t.Fatal(err)
	}
	expect(t, client, "a", "old")

	client.Stage(1, batch("a", "new"))
	expect(t, client, "a", "new")
	if err := host.Write(ctx, batch("a", "new"), database.Sync); err != nil {
		t.Fatal(err)
	}
	client.Settle()
	expect(t, client, "a", "new")
}

// slow lets a test do something between the host's reading and the client's learning of it.
type slow struct {
	database.Database
	afterRead func()
}

func (s *slow) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	values, err := s.Database.GetBatch(ctx, keys)
	s.afterRead()
	return values, err
}

func TestAReadThatAWriteOvertookIsNotKept(t *testing.T) {
	host := memdb.New().Open()
	host.Write(ctx, batch("a", "old"), database.Sync)
	store := &slow{Database: host}
	client := overDirect(store)
	store.afterRead = func() {
		store.afterRead = func() {}
		client.Stage(1, batch("a", "new"))
		host.Write(ctx, batch("a", "new"), database.Sync)
		client.Settle()
	}
	expect(t, client, "a", "old") // it began before the write, so either answer is right; but it must not stay
	expect(t, client, "a", "new")
}

func TestTheCacheIsBounded(t *testing.T) {
	conn := inproc.New()
	pluginv1.RegisterDatabaseServiceServer(conn, remote.NewService(memdb.New().Open()))
	client := remote.NewClient(conn, 10_000)
	for i := range 2_000 {
		key := fmt.Sprint(i)
		client.Stage(1, batch(key, "value"))
		client.Settle()
	}
	if size := client.CachedBytes(); size > 10_000 {
		t.Fatalf("the cache holds %d bytes; 10000 are allowed", size)
	}
}

func TestManyAndLargeValuesArriveInSeveralAnswers(t *testing.T) {
	host := memdb.New().Open()
	client := overPipe(t, host)
	value := make([]byte, 3<<20)
	var keys [][]byte
	for i := range 8 {
		keys = append(keys, fmt.Append(nil, i))
		var b database.Batch
		b.Put(keys[i], value)
		host.Write(ctx, &b, database.NoSync)
	}
	got, err := client.GetBatch(ctx, keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if len(v) != len(value) {
			t.Errorf("value %d has %d bytes", i, len(v))
		}
	}
}

// counted counts the streams that are opened.
type counted struct {
	grpc.ClientConnInterface
	streams int
}

func (c *counted) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string,
	options ...grpc.CallOption) (grpc.ClientStream, error) {
	c.streams++
	return c.ClientConnInterface.NewStream(ctx, desc, method, options...)
}

func TestAShortRangeIsOneCallAndALongOneAStream(t *testing.T) {
	host := memdb.New().Open()
	direct := inproc.New()
	pluginv1.RegisterDatabaseServiceServer(direct, remote.NewService(host))
	conn := &counted{ClientConnInterface: direct}
	client := remote.NewClient(conn, 0)
	var b database.Batch
	for i := range 1000 {
		b.Put(fmt.Appendf(nil, "%03d", i), make([]byte, 1000))
	}
	if err := host.Write(ctx, &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		end              string
		entries, streams int
	}{{"000", 0, 0}, {"010", 10, 0}, {"x", 1000, 1}} {
		conn.streams = 0
		it := client.Iterate(ctx, []byte("000"), []byte(c.end))
		if err := host.Write(ctx, batch("0005", "new"), database.Sync); err != nil {
			t.Fatal(err)
		}
		n := 0
		for it.Next() {
			if string(it.Key()) == "0005" {
				t.Error("an iterator shows what was written after it began")
			}
			n++
		}
		if it.Err() != nil || n != c.entries || conn.streams != c.streams {
			t.Errorf("%d entries with %d streams, %v; want %+v", n, conn.streams, it.Err(), c)
		}
		it.Close()
		var undo database.Batch
		undo.Delete([]byte("0005"))
		if err := host.Write(ctx, &undo, database.Sync); err != nil {
			t.Fatal(err)
		}
	}
}

// cut is a connection whose streams break after their first message.
type cut struct{ grpc.ClientConnInterface }

func (c cut) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string,
	options ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.ClientConnInterface.NewStream(ctx, desc, method, options...)
	return &cutStream{ClientStream: s}, err
}

type cutStream struct {
	grpc.ClientStream
	received bool
}

func (c *cutStream) RecvMsg(m any) error {
	if c.received {
		return status.Error(codes.Unavailable, "the connection broke")
	}
	c.received = true
	return c.ClientStream.RecvMsg(m)
}

// A range that is cut off is never taken for one that has ended.
func TestARangeThatBreaksEndsWithAnError(t *testing.T) {
	host, direct := memdb.New().Open(), inproc.New()
	pluginv1.RegisterDatabaseServiceServer(direct, remote.NewService(host))
	var b database.Batch
	for i := range 5000 {
		b.Put(fmt.Appendf(nil, "%04d", i), make([]byte, 1000))
	}
	if err := host.Write(ctx, &b, database.Sync); err != nil {
		t.Fatal(err)
	}
	it := remote.NewClient(cut{direct}, 0).Iterate(ctx, []byte("0"), []byte("x"))
	defer it.Close()
	n := 0
	for it.Next() {
		n++
	}
	if n == 0 || n == 5000 || status.Code(errors.Unwrap(it.Err())) != codes.Unavailable {
		t.Errorf("%d of 5000 were read, and then: %v", n, it.Err())
	}
}

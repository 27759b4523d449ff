// Package erasure cuts a candidate's available data into one chunk for each validator of a session, so that any third
// of them can put it together again, and commits to all chunks with one root. It takes bytes and gives bytes; it asks
// nobody, keeps nothing, and never believes a chunk without its proof. docs/candidates.md has the layout and vectors.
//
// Of n chunks, the first k = floor((n-1)/3)+1 are the data itself, padded, and the other n-k are Reed-Solomon parity
// over them. The padded data is the data, zeros, and the data's length in 4 bytes, big-endian; it is cut into k chunks
// of the least multiple of 64 bytes that has room for it. So the length of the data fixes that of the chunks, and other
// data gives other chunks.
//
// The root binds the codec, n, and the chunks' length as well as their content:
//
//	leaf i = SHA-256(chunk i), for i < n; 32 zero bytes for n <= i < 2^d, where d is the least with n <= 2^d
//	node   = SHA-256(1 ‖ left ‖ right)
//	root   = SHA-256(2 ‖ codec in 1 byte ‖ n in 4 ‖ length of a chunk in 4 ‖ top node)
//
// A chunk's length is a multiple of 64, so no chunk is a node (65 bytes) or what the root is made of (42). A chunk's
// proof is the d siblings on its way to the top, lowest first. A leaf is the name that the chunk has in a blob store.
//
// # Who is at fault
//
// An encoder can commit to chunks that aren't those of any data. Then different sets of k chunks give different data,
// and it is the candidate that is invalid. Recover finds that out by encoding again what it has put together. Its
// verdict is the same whichever chunks it was given: if the root is that of some data, then every chunk with a proof is
// that data's, because nobody can find two inputs with one hash, so any k of them give that data and its root. ErrChunk
// and ErrTooFew are no verdict: another peer's chunk may help.
package erasure

import "errors"

// The errors; they come wrapped in what was wrong.
var (
	// ErrSession: there is no code for so many chunks with this codec. It is a fault of what configured the session.
	ErrSession = errors.New("no erasure code for this session")
	// ErrSize: the data is empty or longer than MaxData.
	ErrSize = errors.New("data can't be erasure coded")
	// ErrChunk: a chunk isn't one that the root commits to. Whoever sent it is at fault; ask somebody else.
	ErrChunk = errors.New("not a chunk under this root")
	// ErrTooFew: fewer than k chunks. Fetch more.
	ErrTooFew = errors.New("too few chunks")
	// ErrInvalid: the root commits to something that isn't the encoding of any data. No other chunk can help: the
	// candidate is invalid, and everybody who recovers it will find the same.
	ErrInvalid = errors.New("the erasure root isn't that of any data")
)

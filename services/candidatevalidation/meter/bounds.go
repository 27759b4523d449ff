package meter

// Bounds of what a module may consist of. They keep what compiling it takes in proportion to its length.
const (
	maxTypes     = 4096
	maxParams    = 64 // of a function
	maxResults   = 16
	maxFunctions = 1 << 16
	maxGlobals   = 4096
	maxExports   = 4096
	maxElements  = 1 << 16 // elements in segments, together
	maxSegments  = 1 << 17 // of data
	maxLocals    = 1024    // of a function, parameters included
	maxBody      = 1 << 17 // bytes of a function
	maxDepth     = 4096    // blocks in one another
	maxBranches  = 1 << 14 // targets of one br_table
	maxCode      = 1 << 25 // bytes of all functions, measured out
)

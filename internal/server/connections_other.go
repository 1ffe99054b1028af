//go:build !unix

package server

// maxConnections is a number for systems that do not limit open files.
func maxConnections() int { return 8192 }

/* Go programs ask this library for random numbers when they start, and wine 8 lacks it. Newer versions of wine have it. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
	const ULONG most = 1 << 28;
	while (length) {
		ULONG some = length > most ? most : (ULONG)length;
		if (!SystemFunction036(buffer, some))
			return FALSE;
		buffer += some;
		length -= some;
	}
	return TRUE;
}

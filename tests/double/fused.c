/* fused.c - fused entries of `ref` against compositions, in double. */
#include "../fusion.h"

int main(void)
{
    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) < 0)
        return 1;
    int failed = compare_all_fusions(1e-12);
    device_close();
    return failed;
}

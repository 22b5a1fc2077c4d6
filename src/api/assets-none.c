/* No page: web/dist was not there when this was built. */
#include "api/assets.h"

const struct asset asset_table[] = {{NULL, NULL, NULL, NULL, NULL, 0, 0}};

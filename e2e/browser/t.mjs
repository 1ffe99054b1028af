import { open, quiet, signIn, visit } from './browser.mjs';
const b = await open(); const v = await visit(b);
await signIn(v); console.log('signed in');
for (const p of ['/repositories','/dashboard','/nowhere']) { let t=Date.now(); await v.page.goto(`${v.origin}/_console${p}`); const a=Date.now()-t; t=Date.now(); await Promise.race([quiet(v.page), new Promise(r=>setTimeout(r,8000))]); console.log(p, a, Date.now()-t); 
console.log(await v.page.evaluate(() => [...document.querySelectorAll('[class*="awsui_spinner"], [class*="status-indicator"][class*="loading"]')].map(e=>e.className).slice(0,5)));}
console.log(v.wrong);
await b.close();

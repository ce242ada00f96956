using UnityEngine;

namespace Spark.TopDownAction
{
    /// <summary>Shoots where the player faces while the button is held.</summary>
    [RequireComponent(typeof(PlayerMovement))]
    public sealed class PlayerAttack : MonoBehaviour
    {
        [SerializeField] private ProjectilePool pool;
        [SerializeField, Min(0.02f)] private float secondsBetweenShots = 0.22f;
        [SerializeField, Min(0f)] private float muzzleDistance = 0.55f;

        private PlayerMovement movement;
        private float nextShotAt;

        private void Awake()
        {
            movement = GetComponent<PlayerMovement>();
        }

        private void Update()
        {
            if (!movement.HasControl || Time.time < nextShotAt) return;
            if (!Input.GetButton("Fire1") && !Input.GetButton("Jump")) return;
            nextShotAt = Time.time + secondsBetweenShots;
            Vector2 muzzle = (Vector2)transform.position + movement.Facing * muzzleDistance;
            pool.Fire(muzzle, movement.Facing, Team.Player);
        }
    }
}
